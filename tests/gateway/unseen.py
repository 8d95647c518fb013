"""Ten skills from fields that the product knows nothing of, and requests for them in plain words.

``EXPECTED`` maps a request to its tool and to the arguments that must come out; a value in a set
may be any of its members. The first half was used while the planner was written, the second half
only to measure it, until its failures were seen when the planner was reworked.
"""

from typing import Any


def declared(name: str, purpose: str, required: list[str], /, **properties: Any) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": purpose,
            "parameters": {"type": "object", "properties": properties, "required": required},
        },
    }


TEXT, WHOLE, NUMBER = {"type": "string"}, {"type": "integer"}, {"type": "number"}
DAY = {"type": "string", "format": "date"}

TOOLS = [
    declared(
        "weather__forecast",
        "Get the weather forecast for a city: temperature, rain and wind.",
        ["city"],
        city=TEXT,
        days={**WHOLE, "minimum": 1, "maximum": 14, "description": "How many days ahead"},
    ),
    declared(
        "money__convert",
        "Convert an amount of money from one currency to another at today's rate.",
        ["amount", "from_currency", "to_currency"],
        amount=NUMBER,
        from_currency={**TEXT, "description": "ISO currency code"},
        to_currency={**TEXT, "description": "ISO currency code"},
    ),
    declared(
        "calendar__create_event",
        "Put a meeting or an appointment into the calendar.",
        ["title", "date"],
        title=TEXT,
        date=DAY,
        time={**TEXT, "description": "Start, HH:MM"},
    ),
    declared(
        "flights__search",
        "Search flights between two cities on a date.",
        ["origin", "destination", "date"],
        origin=TEXT,
        destination=TEXT,
        date=DAY,
        cabin={"type": "string", "enum": ["economy", "business", "first"]},
    ),
    declared(
        "kitchen__find_recipe",
        "Find cooking recipes for a dish or for ingredients, with preparation time.",
        ["query"],
        query=TEXT,
        max_minutes={**WHOLE, "description": "Longest preparation time in minutes"},
        vegetarian={"type": "boolean"},
    ),
    declared(
        "units__convert",
        "Convert a physical quantity between units of measure such as miles and kilometres.",
        ["value", "from_unit", "to_unit"],
        value=NUMBER,
        from_unit=TEXT,
        to_unit=TEXT,
    ),
    declared(
        "support__open_ticket",
        "Open a support ticket about a problem with a product.",
        ["description"],
        description={**TEXT, "description": "What is wrong"},
        priority={"type": "string", "enum": ["low", "normal", "high", "urgent"]},
    ),
    declared(
        "library__renew_loan",
        "Renew the loan of a library book for two more weeks.",
        ["loan_id"],
        loan_id=WHOLE,
    ),
    declared(
        "text__translate",
        "Translate a text into another language.",
        ["text", "language"],
        text=TEXT,
        language={**TEXT, "description": "Target language"},
    ),
    declared(
        "finance__log_expense",
        "Record an expense with its amount and category in the expense report.",
        ["amount", "category"],
        amount=NUMBER,
        category={"type": "string", "enum": ["travel", "meals", "office", "training", "other"]},
    ),
]

TUNED: list[tuple[str, str, dict[str, Any]]] = [
    ("What will the weather be like in Lisbon?", "weather__forecast", {"city": "Lisbon"}),
    (
        "Is it going to rain in Oslo over the next 3 days?",
        "weather__forecast",
        {"city": "Oslo", "days": 3},
    ),
    (
        "How much is 250 USD in EUR?",
        "money__convert",
        {"amount": 250, "from_currency": "USD", "to_currency": "EUR"},
    ),
    (
        "Convert 99.5 euros to yen",
        "money__convert",
        {"amount": 99.5, "from_currency": "EUR", "to_currency": "JPY"},
    ),
    (
        'Schedule a meeting called "Budget review" on 2027-03-04 at 14:30',
        "calendar__create_event",
        {"title": "Budget review", "date": "2027-03-04", "time": "14:30"},
    ),
    (
        'Put "Dentist" in my calendar for 2027-01-12',
        "calendar__create_event",
        {"title": "Dentist", "date": "2027-01-12"},
    ),
    (
        "Find flights from Paris to Tokyo on 2027-05-01",
        "flights__search",
        {"origin": "Paris", "destination": "Tokyo", "date": "2027-05-01"},
    ),
    (
        "I want to fly business class from Rome to Madrid on 2027-02-20",
        "flights__search",
        {"origin": "Rome", "destination": "Madrid", "date": "2027-02-20", "cabin": "business"},
    ),
    ("Find me a vegetarian lasagne recipe", "kitchen__find_recipe", {"vegetarian": True}),
    (
        "What can I cook with chickpeas in under 30 minutes?",
        "kitchen__find_recipe",
        {"max_minutes": 30},
    ),
    (
        "Convert 26.2 miles to kilometres",
        "units__convert",
        {"value": 26.2, "from_unit": "miles", "to_unit": "kilometres"},
    ),
    (
        "How many grams are 3 pounds in grams?",
        "units__convert",
        {"value": 3, "from_unit": "pounds", "to_unit": "grams"},
    ),
    ("Open a ticket: the printer on floor 2 is jammed again", "support__open_ticket", {}),
    (
        "Please open an urgent ticket because the login page shows an error",
        "support__open_ticket",
        {"priority": "urgent"},
    ),
    ("Renew my library loan 4711", "library__renew_loan", {"loan_id": 4711}),
    ("Can you extend loan number 82 for me?", "library__renew_loan", {"loan_id": 82}),
    (
        'Translate "Where is the station?" into Spanish',
        "text__translate",
        {"text": "Where is the station?", "language": "Spanish"},
    ),
    (
        'How do you say "good luck" in Finnish?',
        "text__translate",
        {"text": "good luck", "language": "Finnish"},
    ),
    ("Record 48.20 for meals", "finance__log_expense", {"amount": 48.2, "category": "meals"}),
    (
        "Log an expense of 320 dollars for travel",
        "finance__log_expense",
        {"amount": 320, "category": "travel"},
    ),
]

HELD_OUT: list[tuple[str, str, dict[str, Any]]] = [
    ("Will I need an umbrella in Hamburg?", "weather__forecast", {"city": "Hamburg"}),
    ("Give me the forecast for New York", "weather__forecast", {"city": "New York"}),
    (
        "What are 1,200 GBP worth in Swiss francs?",
        "money__convert",
        {"amount": 1200, "from_currency": "GBP", "to_currency": "CHF"},
    ),
    (
        "Change 40 dollars into pounds please",
        "money__convert",
        {"amount": 40, "from_currency": "USD", "to_currency": "GBP"},
    ),
    (
        'Book an appointment "Car service" on 2027-06-09 at 9:15',
        "calendar__create_event",
        {"title": "Car service", "date": "2027-06-09"},
    ),
    (
        'Add "Team lunch" to the calendar on 2027-04-02 at noon',
        "calendar__create_event",
        {"title": "Team lunch", "date": "2027-04-02", "time": "12:00"},
    ),
    (
        "Are there any planes from Vienna to Athens on 2027-08-15?",
        "flights__search",
        {"origin": "Vienna", "destination": "Athens", "date": "2027-08-15"},
    ),
    (
        "Look for economy flights from Boston to Denver on 2027-01-30",
        "flights__search",
        {"origin": "Boston", "destination": "Denver", "cabin": "economy"},
    ),
    ("Suggest something to cook with pumpkin and rice", "kitchen__find_recipe", {}),
    ("I need a recipe for banana bread", "kitchen__find_recipe", {}),
    (
        "How far is 10 kilometres in miles?",
        "units__convert",
        {"value": 10, "from_unit": "kilometres", "to_unit": "miles"},
    ),
    (
        "Turn 72 inches into centimetres",
        "units__convert",
        {"value": 72, "from_unit": "inches", "to_unit": "centimetres"},
    ),
    (
        "My headset stopped working, please file a support ticket with high priority",
        "support__open_ticket",
        {"priority": "high"},
    ),
    ("Report a problem: the invoice export hangs", "support__open_ticket", {}),
    (
        "I would like to keep the book on loan 905 for longer",
        "library__renew_loan",
        {"loan_id": 905},
    ),
    ("Prolong loan #3310", "library__renew_loan", {"loan_id": 3310}),
    (
        'Say "thank you very much" in Japanese',
        "text__translate",
        {"text": "thank you very much", "language": "Japanese"},
    ),
    (
        'I need "The contract is ready" in German',
        "text__translate",
        {"text": "The contract is ready", "language": "German"},
    ),
    (
        "I spent 15.90 on office supplies, put it in my expenses",
        "finance__log_expense",
        {"amount": 15.9, "category": "office"},
    ),
    (
        "Add a training expense of 500 euros",
        "finance__log_expense",
        {"amount": 500, "category": "training"},
    ),
]
