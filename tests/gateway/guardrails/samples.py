"""Made-up entities of every kind, and look-alikes that are none."""

from playground.gateway.guardrails.entities import Entity

JWT = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
    ".eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkFkYSBMb3ZlbGFjZSJ9"
    ".SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
)
PEM = (
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0123456789ABCDEF\n\n"
    + "MIIEpAIBAAKCAQEA7bq2Zk9Qw8Hn3yVt5sLr0Jc1Xf4Gd6Pu+Oe/Ti\n" * 8
    + "-----END RSA PRIVATE KEY-----"
)

# (kind, the text in which it stands, the part that must not be seen)
ENTITIES: list[tuple[Entity, str, str]] = [
    *(
        (Entity.EMAIL, value, value)
        for value in (
            "bob.smith+x@example.co.uk",
            "a@b.io",
            "o'neil_99@mail.example.museum",
            "jürgen.müller@beispiel.de",
            "UPPER.CASE@EXAMPLE.COM",
            "x%y@sub.sub2.example.org",
            "first-last@exa-mple.com",
            "1234567@example.com",
        )
    ),
    *(
        (Entity.PHONE, value, value)
        for value in (
            "+49 170 1234567",
            "+491701234567",
            "+1 (555) 123-4567",
            "+1-555-123-4567",
            "+44 20 7946 0958",
            "+33 1 23 45 67 89",
            "+49 (0)30 123456-78",
            "+86 138 1234 5678",
            "+91 98765 43210",
            "0049 170 1234567",
            "(030) 1234-5678",
            "(555) 123-4567",
            "555-123-4567",
            "555.123.4567",
            "555 123 4567",
            "0170/1234567",
            "030 / 123 45 67",
            "01 23 45 67 89",
            "020 7946 0958",
            "01701234567",
            "612 34 56 78",
            "138 1234 5678",
        )
    ),
    *(
        (Entity.CARD, value, value)
        for value in (
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "4111111111111111",
            "5555 5555 5555 4444",
            "3782 822463 10005",
            "378282246310005",
            "3056 930902 5904",
            "6011111111111117",
            "3530 1113 3330 0000",
            "4222222222222",
            "6304 0000 0000 0000 000",
            "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        )
    ),
    *(
        (Entity.IBAN, value, value)
        for value in (
            "DE89 3704 0044 0532 0130 00",
            "DE89370400440532013000",
            "GB29 NWBK 6016 1331 9268 19",
            "GB29NWBK60161331926819",
            "FR14 2004 1010 0505 0001 3M02 606",
            "NO93 8601 1117 947",
            "MT84 MALT 0110 0001 2345 MTLC AST0 01S",
            "ES91-2100-0418-4502-0005-1332",
            "nl91 abna 0417 1643 00",
        )
    ),
    *((Entity.SSN, value, value) for value in ("123-45-6789", "123 45 6789", "665-01-0001")),
    *(
        (Entity.IP, value, value)
        for value in (
            "192.168.17.254",
            "8.8.4.4",
            "203.0.113.195",
            "2001:db8:85a3::8a2e:370:7334",
            "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
            "fe80::1",
            "::ffff:192.0.2.128",
        )
    ),
    *(
        (Entity.PROVIDER_KEY, value, value)
        for value in (
            "sk-proj-abcdefghijklmnopqrstuv",
            "sk-ant-api03-Ab1Cd2Ef3Gh4Ij5Kl6Mn7",
            "pk-lf-0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
            "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
            "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
            "github_pat_11ABCDEFG0abcdefghijkl_MNOPQRSTUVWXYZ0123456789",
            "glpat-Zx9Yw8Vu7Ts6Rq5Po4Nm",
            "xoxb-123456789012-1234567890123-AbCdEfGhIjKlMnOp",
            "AKIAIOSFODNN7EXAMPLE",
            "AIzaSyA-1234567890abcdefghijklmnopqrstu",
            "npm_0123456789abcdefghijklmnopqrstuvwxyz",
            "pypi-AgEIcHlwaS5vcmcCJDAwMDAwMDAw",
            "hf_abcdefghijklmnopqrstuvwxyzABCDEFGH",
            "pg_0123456789abcdefghij",
        )
    ),
    (Entity.JWT, JWT, JWT),
    (Entity.PRIVATE_KEY, PEM, PEM),
    (Entity.PRIVATE_KEY, PEM.replace("\n", "\\n"), PEM.replace("\n", "\\n")),
    (Entity.BEARER, "Bearer mF_9.B5f-4.1JqM", "mF_9.B5f-4.1JqM"),
    (Entity.BEARER, "bearer  AbCdEfGhIjKlMnOpQrStUvWx==", "AbCdEfGhIjKlMnOpQrStUvWx=="),
    (Entity.URL_CREDENTIALS, "postgres://ada:Tr0ub4dor@db.example", "ada:Tr0ub4dor"),
    (Entity.URL_CREDENTIALS, "redis://:p4ssw0rd!@cache:6379/0", ":p4ssw0rd!"),
    (Entity.ASSIGNMENT, "password=hunter2hunter", "hunter2hunter"),
    (Entity.ASSIGNMENT, "Password: swordfish", "swordfish"),
    (Entity.ASSIGNMENT, "DB_PASS = s3cr3t!value", "s3cr3t!value"),
    (Entity.ASSIGNMENT, '{"api_key": "0a1b2c3d4e5f"}', "0a1b2c3d4e5f"),
    (
        Entity.ASSIGNMENT,
        "passphrase='correct horse battery staple'",
        "correct horse battery staple",
    ),
    (Entity.ASSIGNMENT, "token: 9f8e7d6c5b4a", "9f8e7d6c5b4a"),
    (Entity.ASSIGNMENT, "Passwort : Geheimnis9", "Geheimnis9"),
    (Entity.ASSIGNMENT, "密码：hunter2hunter", "hunter2hunter"),
]

HARMLESS = """\
hello world
Hello, world! How are you today?
Meet on 2026-11-23 at 14:30.
2026-11-23 04:11:51.123456
2026-11-23T04:11:51Z
2026-11-23T04:11:51.123+02:00
23.11.2026 12:30
11/23/2026, 4:11
2026/11/23 2026/11/24 2026/11/25
from 2019 - 2024 and 2025
version 1.4.2, released
version 10.0.1.3 and release 2.4.1.0
v1.2.3.4
Python 3.11.9, Django 5.2.1
numpy==1.26.4
order 4711 was shipped
Order number 100023458891
order #20261123-00042
invoice INV-2026-000123
0190a5b4-7c1e-7d3f-8a2b-1234567890ab
550e8400-e29b-41d4-a716-446655440000
12345678-1234-1234-1234-123456789012
It costs $1,299.99 or 1.299,99 €
1 732 334 tokens at $0.0031
EUR 12 345 678.90
12 345 678 901 people
port 8000, localhost:5432, 0.0.0.0:8080
http://127.0.0.1:8000/health
the mask 255.255.255.0
1732334000123 ms since the epoch
17179869184 bytes
0.4111111111111111
3.14159265358979
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20
100 200 300 400 500 600 700 800 900 1000
10:30:45 and 23:59
aa:bb:cc:dd:ee:ff
std::vector<int> and a::b and crate::module::Type
sha256 9f86d081884c7d659a2feaa0c55ad015
commit f91c121
Section 4.2.1.7.3
Nature (2019) 574, 505
000-12-3456 and 666-12-3456 and 900-12-3456
123-00-4567 and 123-45-0000
ISBN 978-3-16-148410-0
ICD-10 code E11.9
A4 paper, H2O, 5G
DE10 people came to the meeting
IN23 the year began
user @bob said hi
Follow @python on it
3 @ 5 dollars
pg_stat_user_tables
pg_stat_statements_info
npm-check-updates-cli
sk-learn-contrib-package
bearer of bad news
a bearer certificate
Bearer authentication is used
max_tokens=4096
The token is expired
Token: a unit of text
password: required
Password: <your password>
password=${DB_PASSWORD}
api_key = os.environ["API_KEY"]
password = getpass()
The password must have 12 characters
Your secret is safe
compass: north
bypass: yes
What does `-----BEGIN PRIVATE KEY-----` mean?
-----BEGIN CERTIFICATE-----
----- BEGIN -----
https://example.com/a/b?c=d
https://example.com/2026/11/23/0123
email me
1920x1080 and 16:9
50% of 200
+5 points, -3 points
R2-D2 and C-3PO
你好,世界。今天是2026年11月23日
""".splitlines()
