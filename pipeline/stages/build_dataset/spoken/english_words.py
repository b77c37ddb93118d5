"""The word lists of `english.py`: data only."""

MONTHS = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
]  # fmt: skip
MONTH_OF = {month[:3]: month for month in MONTHS if month != "May"} | {"Sept": "September"}
BIBLE = [
    "Genesis", "Exodus", "Leviticus", "Numbers", "Deuteronomy", "Joshua", "Judges", "Ruth",
    "Samuel", "Kings", "Chronicles", "Ezra", "Nehemiah", "Esther", "Job", "Psalm", "Psalms",
    "Proverbs", "Ecclesiastes", "Isaiah", "Jeremiah", "Lamentations", "Ezekiel", "Daniel", "Hosea",
    "Joel", "Amos", "Jonah", "Micah", "Habakkuk", "Zephaniah", "Zechariah", "Malachi", "Matthew",
    "Mark", "Luke", "John", "Acts", "Romans", "Corinthians", "Galatians", "Ephesians",
    "Philippians", "Colossians", "Thessalonians", "Timothy", "Titus", "Hebrews", "James", "Peter",
    "Jude", "Revelation",
]  # fmt: skip
DAYS = {
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday",
    "Thurs": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday",
}  # fmt: skip
MONTH_ABBREVIATIONS = list(MONTH_OF)

ABBREVIATIONS = {
    "Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Dr": "Doctor", "Prof": "Professor",
    "Jr": "Junior", "Sr": "Senior", "vs": "versus", "etc": "et cetera", "e.g": "for example",
    "i.e": "that is", "Gen": "General", "Col": "Colonel", "Capt": "Captain",
    "Lt": "Lieutenant", "Sgt": "Sergeant", "Maj": "Major", "Rev": "Reverend",
    "Hon": "Honorable", "Gov": "Governor", "Sen": "Senator", "Rep": "Representative",
    "Pres": "President", "Inc": "Incorporated", "Ltd": "Limited", "Corp": "Corporation",
    "Co": "Company", "Ave": "Avenue", "Blvd": "Boulevard", "Rd": "Road", "Mt": "Mount",
    "Ft": "Fort", "approx": "approximately", "dept": "department", "Dept": "Department",
    "est": "established", "Vol": "Volume", "vol": "volume", "Fig": "Figure", "ch": "chapter",
    "Ph.D": "PhD", "Vs": "versus", "Messrs": "Messers", "Mme": "Madame",
}  # fmt: skip

AT_THE_END = frozenset({"Jr", "Sr", "etc", "Inc", "Ltd", "Corp", "Co", "Ave", "Blvd", "Rd", "Ph.D"})
"""Abbreviations that may end a sentence; the others stand before a name: Mr, Dr, Gen."""
STARTERS = [
    "He", "She", "It", "They", "We", "I", "You", "The", "This", "That", "These", "Those", "There",
    "Then", "Here", "And", "But", "Or", "So", "If", "When", "While", "What", "Why", "How", "Where",
    "Who", "His", "Her", "My", "Our", "Your", "Their", "Its", "In", "On", "At", "For", "From",
    "A", "An", "As", "After", "Before", "Now", "Well", "Yes", "Not", "Because", "Since", "He's",
    "It's", "That's", "I'm", "We're", "They're", "Did", "Do", "Is", "Was", "Let's",
]  # fmt: skip
"""Words that begin a sentence, and hardly ever a name: before one a full stop is one."""
AFTER_TIMES = [
    "EST", "EDT", "ET", "CST", "CDT", "CT", "MST", "MDT", "MT", "PST", "PDT", "PT", "GMT", "UTC",
    "BST", "CET", "Eastern", "Central", "Pacific", "Mountain",
]  # fmt: skip

CURRENCIES = {  # sign: one, many, one hundredth, many of them
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
}
SCALES = {
    "k": "thousand", "K": "thousand", "m": "million", "M": "million", "bn": "billion",
    "B": "billion", "tn": "trillion", "T": "trillion", "thousand": "thousand", "million": "million",
    "billion": "billion", "trillion": "trillion",
}  # fmt: skip
NO_NOUNS = frozenset({"and", "or", "to", "of", "in", "by", "at", "is", "was", "will", "for", "but"})
"""After these an amount stands by itself: "a 2 m by 3 m room"."""
PRICED = frozenset({
    "bill", "bills", "fee", "fees", "prize", "budget", "loan", "ticket", "tickets", "bonus",
    "reward", "coupon", "deal", "deals", "deposit", "discount", "donation", "grant", "salary",
    "lawsuit", "mansion", "house", "investment", "mortgage", "contract",
})  # fmt: skip
"""Nouns that an amount before them describes, with an article or without: "$20 bills"."""

MANY = {"1000": "thousands", "100": "hundreds"}

UNITS = {  # sign: one, many
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "kph": ("kilometer per hour", "kilometers per hour"),
    "mph": ("mile per hour", "miles per hour"),
    "m/s": ("meter per second", "meters per second"),
    "km": ("kilometer", "kilometers"),
    "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"),
    "km2": ("square kilometer", "square kilometers"),
    "cm2": ("square centimeter", "square centimeters"),
    "m2": ("square meter", "square meters"),
    "m3": ("cubic meter", "cubic meters"),
    "m": ("meter", "meters"),
    "mi": ("mile", "miles"),
    "ft": ("foot", "feet"),
    "kg": ("kilogram", "kilograms"),
    "mg": ("milligram", "milligrams"),
    "g": ("gram", "grams"),
    "lbs": ("pound", "pounds"),
    "lb": ("pound", "pounds"),
    "oz": ("ounce", "ounces"),
    "ml": ("milliliter", "milliliters"),
    "mL": ("milliliter", "milliliters"),
    "l": ("liter", "liters"),
    "L": ("liter", "liters"),
    "hrs": ("hour", "hours"),
    "hr": ("hour", "hours"),
    "mins": ("minute", "minutes"),
    "min": ("minute", "minutes"),
    "secs": ("second", "seconds"),
    "sec": ("second", "seconds"),
    "ms": ("millisecond", "milliseconds"),
    "Hz": ("hertz", "hertz"),
    "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"),
    "KB": ("kilobyte", "kilobytes"),
    "kB": ("kilobyte", "kilobytes"),
    "MB": ("megabyte", "megabytes"),
    "GB": ("gigabyte", "gigabytes"),
    "TB": ("terabyte", "terabytes"),
    "kWh": ("kilowatt hour", "kilowatt hours"),
    "kW": ("kilowatt", "kilowatts"),
    "MW": ("megawatt", "megawatts"),
    "W": ("watt", "watts"),
    "V": ("volt", "volts"),
    "°C": ("degree Celsius", "degrees Celsius"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "°": ("degree", "degrees"),
    "¢": ("cent", "cents"),
    "‰": ("per mille", "per mille"),
}

PER = {
    "hr": "hour", "wk": "week", "mo": "month", "yr": "year", "min": "minute", "sec": "second",
    "lb": "pound", "kg": "kilogram",
    **{name: name for name in ("hour", "day", "week", "month", "year", "minute", "second", "night",
                               "person", "gallon", "mile", "pound")},
}  # fmt: skip
"""What follows the slash of a rate: $20/hour."""

NUMBERED = [
    "Boeing", "Airbus", "Room", "Flight", "Suite", "Apartment", "Highway", "Route", "Xbox",
]  # fmt: skip
"""Things whose numbers of three digits are said in two parts: Room 101."""

SIGNS = {
    "&": "and", "@": "at", "+": "plus", "=": "equals", "%": "percent", "°": "degrees",
    "$": "dollars", "£": "pounds", "€": "euros", "¥": "yen", "₹": "rupees", "/": "slash",
    "×": "times", "÷": "divided by", "±": "plus or minus", "§": "section", "\\": "backslash",
    "<": "less than", ">": "greater than",
}  # fmt: skip

DOMAINS = [
    "com", "org", "net", "edu", "gov", "io", "co", "uk", "html", "pdf", "info", "tv", "ai", "app",
    "dev", "eu", "de", "fr", "ca", "au",
]  # fmt: skip

ROMAN = {
    "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6, "VII": 7, "VIII": 8, "IX": 9, "X": 10,
    "XI": 11, "XII": 12, "XIII": 13, "XIV": 14, "XV": 15, "XVI": 16, "XVII": 17, "XVIII": 18,
}  # fmt: skip
_ONES = ["", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"]
_TENS = ["", "X", "XX", "XXX", "XL", "L"]
ROMAN_TO_59 = {
    ten + one: 10 * tens + ones
    for tens, ten in enumerate(_TENS)
    for ones, one in enumerate(_ONES)
    if ten + one not in ("", "I", "L")
}
"""For places where nothing but a number stands: elsewhere XL is a size, and L and I are letters."""
NO_NUMBER_AFTER = [
    "The", "A", "An", "My", "Your", "His", "Her", "Our", "Their", "This", "That", "No", "In", "On",
    "By", "With", "And", "Or", "For",
]  # fmt: skip
"""Before these Roman numbers are letters: "The IV drip"."""
COUNTED = [
    "War",
    "Part",
    "Chapter",
    "Act",
    "Volume",
    "Book",
    "Phase",
    "Type",
    "Class",
    "Title",
    "Super Bowl",
]
KINGS = [
    "Henry", "Louis", "George", "Edward", "Charles", "James", "William", "Elizabeth", "Richard",
    "Philip", "Paul", "Pius", "Benedict", "Napoleon", "Nicholas", "Catherine", "Alexander",
    "Frederick", "Gregory", "Innocent", "Leo", "Francis", "Peter", "Ivan", "Ferdinand", "Mary",
    "Margaret", "Robert", "David", "Alfonso", "Wilhelm", "Otto", "Ramesses", "Ptolemy",
]  # fmt: skip
