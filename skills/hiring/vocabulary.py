"""The words of the sample: invented people, companies and places. Pure."""

from typing import Literal

SENIORITIES = ("junior", "mid", "senior", "staff", "lead")
YEARS = {"junior": (0, 2), "mid": (2, 5), "senior": (5, 11), "staff": (9, 17), "lead": (8, 18)}
BASE_SALARY = {"junior": 46, "mid": 62, "senior": 80, "staff": 104, "lead": 98}

# place: country, weight, cost of living, name pools, local language
PLACES: dict[str, tuple[str, int, float, tuple[str, ...], str]] = {
    "Berlin": ("Germany", 16, 1.0, ("german", "turkish", "polish", "slavic"), "German"),
    "Munich": ("Germany", 7, 1.1, ("german", "italian", "turkish"), "German"),
    "Hamburg": ("Germany", 5, 0.98, ("german", "nordic", "persian"), "German"),
    "London": ("United Kingdom", 10, 1.2, ("english", "indian", "nigerian"), "English"),
    "Manchester": ("United Kingdom", 3, 0.9, ("english", "indian"), "English"),
    "Paris": ("France", 7, 1.05, ("french", "arabic", "vietnamese"), "French"),
    "Lyon": ("France", 2, 0.9, ("french", "arabic"), "French"),
    "Amsterdam": ("Netherlands", 7, 1.1, ("dutch", "indian", "turkish"), "Dutch"),
    "Zurich": ("Switzerland", 4, 1.6, ("german", "italian", "french"), "German"),
    "Vienna": ("Austria", 3, 0.95, ("german", "slavic", "turkish"), "German"),
    "Madrid": ("Spain", 4, 0.8, ("spanish",), "Spanish"),
    "Barcelona": ("Spain", 5, 0.82, ("spanish", "italian"), "Spanish"),
    "Lisbon": ("Portugal", 5, 0.75, ("portuguese",), "Portuguese"),
    "Milan": ("Italy", 3, 0.85, ("italian",), "Italian"),
    "Warsaw": ("Poland", 5, 0.75, ("polish", "slavic"), "Polish"),
    "Prague": ("Czechia", 3, 0.75, ("slavic",), "Czech"),
    "Stockholm": ("Sweden", 4, 1.05, ("nordic", "persian"), "Swedish"),
    "Copenhagen": ("Denmark", 3, 1.15, ("nordic",), "Danish"),
    "Dublin": ("Ireland", 4, 1.1, ("irish", "polish"), "English"),
    "Athens": ("Greece", 2, 0.65, ("greek",), "Greek"),
    "Istanbul": ("Türkiye", 3, 0.55, ("turkish",), "Turkish"),
    "Lagos": ("Nigeria", 2, 0.5, ("nigerian",), "English"),
    "Nairobi": ("Kenya", 2, 0.5, ("kenyan",), "Swahili"),
    "Bengaluru": ("India", 4, 0.5, ("indian",), "Hindi"),
    "Singapore": ("Singapore", 3, 1.15, ("chinese", "indian"), "Mandarin"),
    "Tokyo": ("Japan", 2, 0.9, ("japanese",), "Japanese"),
    "Seoul": ("South Korea", 1, 0.9, ("korean",), "Korean"),
    "São Paulo": ("Brazil", 3, 0.6, ("portuguese", "italian", "japanese"), "Portuguese"),
    "Toronto": ("Canada", 3, 1.05, ("english", "chinese", "indian", "persian"), "English"),
    "New York": ("United States", 3, 1.6, ("english", "spanish", "chinese"), "English"),
}

_GIVEN_FAMILY = {
    "german": (
        "Anna Jonas Lena Felix Katharina Matthias Nele Lukas Johanna Stefan Miriam Tobias Greta Jan",  # noqa: E501
        "Brandt Hoffmann Seidel Kessler Vogt Lindner Albrecht Reuter Winkler Baumann Thiel Hartwig",
    ),
    "turkish": (
        "Elif Emre Zeynep Can Defne Mert Selin Kerem Aylin Deniz Ece Burak Derya Onur",
        "Yıldız Kaya Demir Aksoy Çelik Arslan Özkan Doğan Şahin Korkmaz Erdem Tunç",
    ),
    "polish": (
        "Zofia Jakub Magdalena Piotr Agnieszka Tomasz Kinga Michał Ewa Bartosz Alicja Marek",
        "Nowak Wójcik Zieliński Mazur Kaczmarek Pawlak Dudek Sikora Walczak Baran Górski Lis",
    ),
    "slavic": (
        "Oksana Andriy Milena Petr Jana Dmytro Tereza Ivan Katarina Ondřej Nataliya Luka",
        "Kovalenko Novotný Horvat Shevchuk Dvořák Petrović Bondar Marković Svoboda Koval Zelenko",
    ),
    "english": (
        "Olivia James Charlotte Daniel Grace Oliver Hannah Marcus Beth Callum Naomi Theo Imogen",
        "Hughes Barker Whitfield Marsh Ellison Prescott Dawson Ferris Langley Cooper Hale Sutton",
    ),
    "indian": (
        "Priya Arjun Ananya Rohan Kavya Vikram Meera Sanjay Divya Karthik Ishita Nikhil Leela",
        "Raman Iyer Kulkarni Mehta Nair Chatterjee Reddy Banerjee Deshpande Menon Kapoor Sethi",
    ),
    "nigerian": (
        "Adaeze Chinedu Folake Tunde Ngozi Emeka Yetunde Babatunde Amara Obinna Simisola Femi",
        "Okafor Adeyemi Balogun Eze Nwosu Ogunleye Abiola Okonkwo Danjuma Ibekwe Afolabi Uche",
    ),
    "french": (
        "Camille Antoine Chloé Julien Manon Étienne Léa Baptiste Inès Maxime Clémence Rémi",
        "Lefèvre Girard Moreau Chevalier Fontaine Renaud Barbier Marchand Perrin Leclerc Gauthier",
    ),
    "arabic": (
        "Leila Karim Nour Youssef Salma Omar Yasmine Tarek Rania Bilal Dina Samir",
        "Haddad Benali Mansour Khalil El-Amrani Saad Nasser Bouazizi Farouk Zidane Rahmani",
    ),
    "vietnamese": ("Linh Minh Thảo Quân Mai Đức Hương Khoa", "Nguyễn Trần Lê Phạm Võ Đặng Bùi"),
    "dutch": (
        "Sanne Daan Fleur Bram Lotte Sven Maartje Joris Femke Ruben Anouk Thijs",
        "Bakker Visser Dekker Hoekstra Mulder Kuipers Postma Willems Brouwer Schouten Veenstra",
    ),
    "italian": (
        "Giulia Matteo Chiara Lorenzo Francesca Davide Elena Simone Valentina Riccardo Alessia",
        "Ricci Moretti Galli Ferrara Rinaldi Colombo Fontana Serra Marchetti Villa Grasso",
    ),
    "spanish": (
        "Lucía Álvaro Carmen Diego Marta Javier Paula Sergio Inés Rubén Alba Hugo Noelia",
        "Navarro Ortega Vidal Romero Castillo Serrano Molina Ibáñez Cortés Delgado Fuentes Prieto",
    ),
    "portuguese": (
        "Beatriz Tiago Mariana Rafael Joana Thiago Larissa Bruno Carolina Gustavo Sofia Vasco",
        "Carvalho Almeida Teixeira Monteiro Barbosa Figueiredo Moura Pacheco Antunes Lobo Ramos",
    ),
    "nordic": (
        "Astrid Erik Freja Lars Sigrid Mikkel Ingrid Johan Maja Oskar Linnea Anders",
        "Lindqvist Holm Nygaard Bergström Dahl Sørensen Ekman Solberg Lund Aalto Hedlund Friis",
    ),
    "persian": (
        "Shirin Arash Niloufar Kaveh Parisa Babak Yasaman Reza Golnaz Siavash",
        "Tehrani Karimi Moradi Rostami Farahani Jafari Golestani Ahmadi Sohrabi",
    ),
    "irish": (
        "Aoife Cian Niamh Oisín Saoirse Eoin Ciara Darragh Róisín Fionn",
        "Murphy Byrne Gallagher Doyle Kavanagh Nolan Brennan Quinn Foley Healy",
    ),
    "greek": (
        "Eleni Nikos Maria Dimitris Katerina Giorgos Ioanna Stavros",
        "Papadakis Vlachos Economou Georgiou Makris Pappas Kotsis Dimou",
    ),
    "kenyan": (
        "Wanjiru Kamau Achieng Otieno Njeri Kiprop Akinyi Mwangi",
        "Mutua Odhiambo Kimani Wekesa Njoroge Ochieng Kariuki Cheruiyot",
    ),
    "chinese": (
        "Wei Mei Jian Xinyi Hao Li-Na Jun Yuting Kai Siew Zhen Pei",
        "Chen Zhang Lim Huang Tan Wang Liu Ong Zhou Lin Xu",
    ),
    "japanese": (
        "Haruka Kenji Aiko Takumi Yui Sota Naoko Ren Emi Hiroshi",
        "Tanaka Mori Fujita Nakamura Ishikawa Okada Shimizu Kubo Hayashi",
    ),
    "korean": ("Ji-woo Min-jun Seo-yeon Hyun Ha-eun Do-yun Soo-ah Joon", "Kim Park Choi Jung Kang Yoon Han Seo"),  # noqa: E501
}  # fmt: skip
NAMES = {
    pool: (tuple(given.split()), tuple(family.split()))
    for pool, (given, family) in _GIVEN_FAMILY.items()
}

# field: job title, weight, skills at the core, skills around it
FIELDS: dict[str, tuple[str, int, tuple[str, ...], tuple[str, ...]]] = {
    "backend-python": (
        "Python Engineer", 15, ("Python", "Django", "FastAPI", "PostgreSQL"),
        ("Kafka", "Redis", "Celery", "Docker", "Kubernetes", "AWS", "SQLAlchemy", "gRPC", "GraphQL"),  # noqa: E501
    ),
    "backend-java": (
        "Java Engineer", 9, ("Java", "Spring Boot", "PostgreSQL"),
        ("Kotlin", "Kafka", "Kubernetes", "Oracle", "AWS", "Hibernate", "gRPC", "Microservices"),
    ),
    "backend-go": (
        "Go Engineer", 7, ("Go", "Kubernetes", "gRPC"),
        ("PostgreSQL", "Kafka", "Terraform", "Redis", "AWS", "Prometheus", "Rust"),
    ),
    "frontend": (
        "Frontend Engineer", 11, ("TypeScript", "React", "CSS"),
        ("Next.js", "Vue", "GraphQL", "Accessibility", "Playwright", "Design Systems", "Node.js"),
    ),
    "fullstack": (
        "Full-Stack Engineer", 11, ("TypeScript", "React", "Node.js"),
        ("Python", "PostgreSQL", "GraphQL", "AWS", "Docker", "Ruby on Rails", "Next.js", "MongoDB"),
    ),
    "data-engineer": (
        "Data Engineer", 8, ("Python", "SQL", "Spark"),
        ("Airflow", "dbt", "Snowflake", "Kafka", "BigQuery", "Databricks", "Terraform", "Scala"),
    ),
    "data-scientist": (
        "Data Scientist", 7, ("Python", "SQL", "Statistics"),
        ("scikit-learn", "PyTorch", "A/B Testing", "Forecasting", "R", "Causal Inference", "dbt"),
    ),
    "ml": (
        "Machine Learning Engineer", 7, ("Python", "PyTorch", "MLOps"),
        ("Kubernetes", "LLMs", "Ranking", "NLP", "Computer Vision", "Ray", "Spark", "AWS"),
    ),
    "mobile": (
        "Mobile Engineer", 6, ("Kotlin", "Swift"),
        ("Flutter", "React Native", "GraphQL", "CI/CD", "Accessibility", "Firebase"),
    ),
    "platform": (
        "Platform Engineer", 7, ("Kubernetes", "Terraform", "AWS"),
        ("Go", "Python", "Prometheus", "ArgoCD", "Linux", "Google Cloud", "Azure", "Security"),
    ),
    "security": (
        "Security Engineer", 4, ("Security", "Threat Modelling", "Python"),
        ("Penetration Testing", "AWS", "Identity", "Cryptography", "Incident Response", "Go"),
    ),
    "quality": (
        "Quality Engineer", 4, ("Test Automation", "Playwright"),
        ("Python", "TypeScript", "CI/CD", "Performance Testing", "Java", "Accessibility"),
    ),
    "product": (
        "Product Manager", 6, ("Product Strategy", "Discovery", "Roadmapping"),
        ("SQL", "A/B Testing", "Pricing", "User Research", "Analytics", "Stakeholder Management"),
    ),
    "design": (
        "Product Designer", 5, ("Figma", "User Research", "Design Systems"),
        ("Prototyping", "Accessibility", "Interaction Design", "UX Writing", "Workshops"),
    ),
}  # fmt: skip

Industry = Literal[
    "fintech",
    "insurance",
    "healthtech",
    "e-commerce",
    "logistics",
    "mobility",
    "energy",
    "edtech",
    "gaming",
    "media",
    "travel",
    "cybersecurity",
    "public sector",
    "agritech",
]
# industry: companies, what one works on there
INDUSTRIES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "fintech": (
        ("Northpay", "Kontora", "Ledgerly", "Tallybank", "Zinsgut", "Mintwerk"),
        ("instant payments", "a lending engine", "card issuing", "ledger reconciliation",
         "fraud detection", "open-banking connections"),
    ),
    "insurance": (
        ("Surevia", "Polisso", "Havenrisk"),
        ("claims handling", "dynamic pricing", "a broker portal", "policy administration"),
    ),
    "healthtech": (
        ("Medivine", "Praxito", "Helixcare", "Curanova"),
        ("appointment booking", "clinical records", "remote monitoring", "trial recruitment"),
    ),
    "e-commerce": (
        ("Korbly", "Shelfwise", "Modissa", "Cartway"),
        ("checkout", "product search", "recommendations", "a seller platform", "returns"),
    ),
    "logistics": (
        ("Frachtlink", "Routely", "Cargonaut", "Palletry"),
        ("route planning", "warehouse control", "parcel tracking", "a carrier marketplace"),
    ),
    "mobility": (
        ("Wheelbase", "Rollwerk", "Transvia"),
        ("fleet telemetry", "ride matching", "ticketing", "charging sessions"),
    ),
    "energy": (
        ("Voltaro", "Gridmind", "Solwind"),
        ("smart-meter readings", "load forecasts", "energy trading", "battery control"),
    ),
    "edtech": (
        ("Learnory", "Klassio", "Studira"),
        ("adaptive exercises", "live classrooms", "exam scheduling", "a course catalogue"),
    ),
    "gaming": (
        ("Pixelforge", "Loamy Games", "Questhaus"),
        ("matchmaking", "live operations", "in-game economies", "player analytics"),
    ),
    "media": (
        ("Streamlet", "Wavecast", "Pressroom"),
        ("video delivery", "personalised feeds", "paywalls", "podcast hosting"),
    ),
    "travel": (
        ("Voyanta", "Staylight", "Reiseo"),
        ("fare search", "booking flows", "hotel inventory", "loyalty accounts"),
    ),
    "cybersecurity": (
        ("Bastionary", "Cryptane", "Wardline"),
        ("threat detection", "access governance", "secrets handling", "log analytics"),
    ),
    "public sector": (
        ("Civitas Digital", "Bürgerwerk", "Openstad"),
        ("digital identity", "benefit applications", "open data", "land registers"),
    ),
    "agritech": (
        ("Fieldsense", "Agrarion", "Cropwise Labs"),
        ("crop monitoring", "yield models", "irrigation control", "supply traceability"),
    ),
}  # fmt: skip
INDUSTRY_WEIGHTS = (20, 6, 9, 12, 8, 6, 7, 6, 5, 6, 6, 6, 4, 3)
