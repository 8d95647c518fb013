"""Ten more skills from other fields, with codes, years, names and nested values in the requests.

``EXPECTED`` values are read as in ``tests.gateway.unseen``. Failures were looked at in the first
half only. The second half is no blind test: whoever wrote it changed the planner next, and knew it.
"""

from typing import Any

from tests.gateway.unseen import DAY, NUMBER, TEXT, WHOLE, declared

TOOLS = [
    declared(
        "freight__quote",
        "Quote the price of shipping a parcel from one city to another.",
        ["origin", "destination", "parcel"],
        origin=TEXT,
        destination=TEXT,
        parcel={
            "type": "object",
            "properties": {"weight_kg": NUMBER, "fragile": {"type": "boolean"}},
            "required": ["weight_kg"],
        },
    ),
    declared(
        "clinic__book_visit",
        "Book a patient's visit to a department of the clinic.",
        ["patient", "department", "date"],
        patient={**TEXT, "description": "Full name"},
        department={
            "type": "string",
            "enum": ["cardiology", "dermatology", "dentistry", "general"],
        },
        date=DAY,
        time={**TEXT, "description": "HH:MM"},
    ),
    declared(
        "stacks__search_catalogue",
        "Search the library catalogue for books on a topic.",
        ["query"],
        query={**TEXT, "description": "Topic of the books"},
        author=TEXT,
        published_after={**WHOLE, "description": "Year"},
    ),
    declared(
        "grid__read_usage",
        "Read how much electricity a meter used between two days.",
        ["meter_id", "from_date", "to_date"],
        meter_id={**TEXT, "description": "Code on the meter"},
        from_date=DAY,
        to_date=DAY,
    ),
    declared(
        "billing__record_payment",
        "Record that the payment of an invoice was received.",
        ["invoice_number", "amount"],
        invoice_number=TEXT,
        amount=NUMBER,
        paid_on=DAY,
        reference={**TEXT, "description": "Text on the bank statement"},
    ),
    declared(
        "boxoffice__reserve_seats",
        "Reserve seats or tickets for a performance at the theatre.",
        ["event", "seats"],
        event={**TEXT, "description": "Name of the performance"},
        seats={**WHOLE, "minimum": 1, "maximum": 20},
        section={"type": "string", "enum": ["stalls", "balcony", "gallery"]},
    ),
    declared(
        "climate__yearly_average",
        "Tell the average temperature and rainfall of a place in a past year.",
        ["place", "year"],
        place=TEXT,
        year={**WHOLE, "minimum": 1900, "maximum": 2100},
    ),
    declared(
        "pantry__scale_recipe",
        "Work out the quantities of a recipe's ingredients for a number of people.",
        ["dish", "servings"],
        dish={**TEXT, "description": "Name of the dish"},
        servings={**WHOLE, "description": "People to serve"},
    ),
    declared(
        "plant__order_part",
        "Order spare parts for a machine in the plant by their article code.",
        ["sku", "quantity"],
        sku={**TEXT, "description": "Article code (SKU)"},
        quantity={**WHOLE, "minimum": 1},
    ),
    declared(
        "lodging__search_hotels",
        "Search hotel rooms in a city for a stay.",
        ["city", "checkin", "checkout"],
        city=TEXT,
        checkin=DAY,
        checkout=DAY,
        guests=WHOLE,
        max_price={**NUMBER, "description": "Highest price per night"},
    ),
]

TUNED: list[tuple[str, str, dict[str, Any]]] = [
    (
        "What would it cost to ship a 12.5 kg fragile parcel from Rotterdam to Gdansk?",
        "freight__quote",
        {
            "origin": "Rotterdam",
            "destination": "Gdansk",
            "parcel": {"weight_kg": 12.5, "fragile": True},
        },
    ),
    (
        "Give me a price for sending 3 kg from Lyon to Turin",
        "freight__quote",
        {"origin": "Lyon", "destination": "Turin", "parcel": {"weight_kg": 3}},
    ),
    (
        "Book Maria Lindqvist in with dermatology on 14 May 2027 at 3 pm",
        "clinic__book_visit",
        {
            "patient": "Maria Lindqvist",
            "department": "dermatology",
            "date": "2027-05-14",
            "time": "15:00",
        },
    ),
    (
        "Can you get a dentistry appointment for Omar Haddad on 2027-03-09? His tooth is chipped",
        "clinic__book_visit",
        {"patient": "Omar Haddad", "department": "dentistry", "date": "2027-03-09"},
    ),
    (
        "Which books about coral reefs came out after 2015?",
        "stacks__search_catalogue",
        {"query": {"coral reefs", "books about coral reefs"}, "published_after": 2015},
    ),
    (
        "Do you have anything by Ursula Le Guin on anarchism?",
        "stacks__search_catalogue",
        {"query": "anarchism", "author": "Ursula Le Guin"},
    ),
    (
        "How much power did meter EL-40417 use from 2027-01-01 to 2027-01-31?",
        "grid__read_usage",
        {"meter_id": "EL-40417", "from_date": "2027-01-01", "to_date": "2027-01-31"},
    ),
    (
        "Show consumption of meter Q77 between 1 June 2027 and 30 June 2027",
        "grid__read_usage",
        {"meter_id": "Q77", "from_date": "2027-06-01", "to_date": "2027-06-30"},
    ),
    (
        "Invoice INV-2041 was paid on 2027-02-11, 1,350.00 euros",
        "billing__record_payment",
        {"invoice_number": "INV-2041", "amount": 1350, "paid_on": "2027-02-11"},
    ),
    (
        'Mark 89.90 as received for invoice R/2027/18 with the reference "Spring order"',
        "billing__record_payment",
        {"invoice_number": "R/2027/18", "amount": 89.9, "reference": "Spring order"},
    ),
    (
        "Reserve 4 seats in the balcony for The Magic Flute",
        "boxoffice__reserve_seats",
        {"event": {"The Magic Flute", "Magic Flute"}, "seats": 4, "section": "balcony"},
    ),
    (
        "I'd like two stalls tickets for Hamlet please",
        "boxoffice__reserve_seats",
        {"event": "Hamlet", "seats": 2, "section": "stalls"},
    ),
    (
        "How warm was Reykjavik on average in 2019?",
        "climate__yearly_average",
        {"place": "Reykjavik", "year": 2019},
    ),
    (
        "What were the mean temperature and rainfall of Nairobi in 2008?",
        "climate__yearly_average",
        {"place": "Nairobi", "year": 2008},
    ),
    (
        "Scale the mushroom risotto for 8 people",
        "pantry__scale_recipe",
        {"dish": "mushroom risotto", "servings": 8},
    ),
    (
        "How much of everything do I need to make lentil soup for 12 guests?",
        "pantry__scale_recipe",
        {"dish": "lentil soup", "servings": 12},
    ),
    (
        "Order 6 of SKU A77 for the bottling line",
        "plant__order_part",
        {"sku": "A77", "quantity": 6},
    ),
    (
        "We need ten pieces of BRG-6204-ZZ",
        "plant__order_part",
        {"sku": "BRG-6204-ZZ", "quantity": 10},
    ),
    (
        "Find a hotel in Porto from 2027-06-10 to 2027-06-14 for 2 guests under 140 euros",
        "lodging__search_hotels",
        {
            "city": "Porto",
            "checkin": "2027-06-10",
            "checkout": "2027-06-14",
            "guests": 2,
            "max_price": 140,
        },
    ),
    (
        "I need a room in Kyoto, check-in 2 April 2027, check-out 6 April 2027",
        "lodging__search_hotels",
        {"city": "Kyoto", "checkin": "2027-04-02", "checkout": "2027-04-06"},
    ),
]

HELD_OUT: list[tuple[str, str, dict[str, Any]]] = [
    (
        "How expensive is it to get a package of 7 kg to Bergen from Antwerp?",
        "freight__quote",
        {"origin": "Antwerp", "destination": "Bergen", "parcel": {"weight_kg": 7}},
    ),
    (
        "Shipping quote please: Seville to Bremen, 40 kg, fragile",
        "freight__quote",
        {
            "origin": "Seville",
            "destination": "Bremen",
            "parcel": {"weight_kg": 40, "fragile": True},
        },
    ),
    (
        "Please arrange a cardiology visit for Ingrid Solberg on March 3rd 2027 at 09:40",
        "clinic__book_visit",
        {
            "patient": "Ingrid Solberg",
            "department": "cardiology",
            "date": "2027-03-03",
            "time": "09:40",
        },
    ),
    (
        "Jonas Weber needs to see someone in general medicine on 2027-07-21",
        "clinic__book_visit",
        {"patient": "Jonas Weber", "department": "general", "date": "2027-07-21"},
    ),
    (
        "Look up titles on medieval trade published after 1998",
        "stacks__search_catalogue",
        {"query": {"medieval trade", "titles on medieval trade"}, "published_after": 1998},
    ),
    (
        "I'm looking for novels by Haruki Murakami about loneliness",
        "stacks__search_catalogue",
        {"query": {"loneliness", "novels about loneliness"}, "author": "Haruki Murakami"},
    ),
    (
        "What did the meter GX-9-118 consume from 3 February 2027 until 17 February 2027?",
        "grid__read_usage",
        {"meter_id": "GX-9-118", "from_date": "2027-02-03", "to_date": "2027-02-17"},
    ),
    (
        "Electricity used on meter 55B-02 between 2027-04-01 and 2027-04-15",
        "grid__read_usage",
        {"meter_id": "55B-02", "from_date": "2027-04-01", "to_date": "2027-04-15"},
    ),
    (
        "We got 4200 dollars for INV-77 on 2027-09-30",
        "billing__record_payment",
        {"invoice_number": "INV-77", "amount": 4200, "paid_on": "2027-09-30"},
    ),
    (
        'Record a payment of 615.25 on invoice A-1009, reference "Deposit hall"',
        "billing__record_payment",
        {"invoice_number": "A-1009", "amount": 615.25, "reference": "Deposit hall"},
    ),
    (
        'Get me 3 tickets for "Swan Lake"',
        "boxoffice__reserve_seats",
        {"event": "Swan Lake", "seats": 3},
    ),
    (
        "Please hold six places in the gallery for the Berlin Philharmonic concert",
        "boxoffice__reserve_seats",
        {
            "event": {"Berlin Philharmonic", "Berlin Philharmonic concert"},
            "seats": 6,
            "section": "gallery",
        },
    ),
    (
        "Average climate of Cape Town for 2021, please",
        "climate__yearly_average",
        {"place": "Cape Town", "year": 2021},
    ),
    (
        "Was 2003 a hot year in Zurich?",
        "climate__yearly_average",
        {"place": "Zurich", "year": 2003},
    ),
    (
        "Adjust the apple crumble to 5 servings",
        "pantry__scale_recipe",
        {"dish": "apple crumble", "servings": 5},
    ),
    (
        "We'll be twenty: work out the quantities of goulash",
        "pantry__scale_recipe",
        {"dish": "goulash", "servings": 20},
    ),
    (
        "Please reorder spare part SKU KX-300, 25 units",
        "plant__order_part",
        {"sku": "KX-300", "quantity": 25},
    ),
    (
        "Buy 2 replacement filters, part number F19/B",
        "plant__order_part",
        {"sku": "F19/B", "quantity": 2},
    ),
    (
        "Somewhere to stay in Tallinn for three people from 5 August 2027 to 9 August 2027",
        "lodging__search_hotels",
        {"city": "Tallinn", "checkin": "2027-08-05", "checkout": "2027-08-09", "guests": 3},
    ),
    (
        "Hotels in Marseille between 2027-10-01 and 2027-10-03, at most 95 a night",
        "lodging__search_hotels",
        {
            "city": "Marseille",
            "checkin": "2027-10-01",
            "checkout": "2027-10-03",
            "max_price": 95,
        },
    ),
]
