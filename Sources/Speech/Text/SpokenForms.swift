// SPDX-License-Identifier: Apache-2.0

/// The word lists of the normaliser: abbreviations, units, names of letters' groups.
enum SpokenForms {
    /// What an abbreviation with a period stands for, wherever it stands.
    static let dotted: [String: [String]] = [
        "mr": ["mister"], "mrs": ["missus"], "ms": ["miz"], "prof": ["professor"],
        "etc": ["et", "cetera"], "vs": ["versus"], "jr": ["junior"], "sr": ["senior"],
        "inc": ["incorporated"], "ltd": ["limited"], "corp": ["corporation"],
        "co": ["company"], "dept": ["department"], "approx": ["approximately"],
        "govt": ["government"], "gov": ["governor"], "gen": ["general"], "sen": ["senator"],
        "rep": ["representative"], "capt": ["captain"], "lt": ["lieutenant"], "col": ["colonel"],
        "sgt": ["sergeant"], "rev": ["reverend"], "hon": ["honorable"], "ave": ["avenue"],
        "blvd": ["boulevard"], "rd": ["road"], "mt": ["mount"], "ft": ["feet"],
        "min": ["minutes"], "max": ["maximum"], "avg": ["average"], "est": ["established"],
        "misc": ["miscellaneous"], "tel": ["telephone"], "ext": ["extension"], "al": ["al"],
        "cf": ["compare"], "ca": ["circa"], "esp": ["especially"], "incl": ["including"],
        "hrs": ["hours"], "secs": ["seconds"], "mins": ["minutes"], "yr": ["year"],
        "yrs": ["years"], "ok": ["okay"],
    ]
    /// The same without a period; only what is no other word.
    static let undotted: [String: [String]] = [
        "mr": ["mister"], "mrs": ["missus"], "dr": ["doctor"], "vs": ["versus"],
        "etc": ["et", "cetera"], "ok": ["okay"], "okay": ["okay"], "hrs": ["hours"],
        "btw": ["by", "the", "way"], "aka": ["_a", "k", "_a"], "wi-fi": ["wifi"],
        "json": ["jason"], "sql": ["s", "q", "l"], "jpeg": ["jay", "peg"], "yaml": ["yammel"],
        "url": ["u", "r", "l"], "urls": ["u", "r", "l's"], "api": ["_a", "p", "i"],
        "apis": ["_a", "p", "i's"],
    ]
    /// Abbreviations that stand for something only before a number.
    static let beforeNumber: [String: [String]] = [
        "no": ["number"], "nos": ["numbers"], "fig": ["figure"], "vol": ["volume"],
        "ch": ["chapter"], "sec": ["section"], "p": ["page"], "pp": ["pages"],
        "jan": ["january"], "feb": ["february"], "mar": ["march"], "apr": ["april"],
        "jun": ["june"], "jul": ["july"], "aug": ["august"], "sep": ["september"],
        "sept": ["september"], "oct": ["october"], "nov": ["november"], "dec": ["december"],
    ]
    static let months = [
        "january", "february", "march", "april", "may", "june", "july", "august", "september",
        "october", "november", "december",
    ]
    /// Letters with periods between them that are no row of letters.
    static let initials: [String: [String]] = [
        "eg": ["for", "example"], "ie": ["that", "is"], "phd": ["p", "h", "d"],
    ]
    /// Acronyms said as a word.
    static let acronymWords: Set<String> = [
        "nasa", "nato", "unesco", "unicef", "opec", "laser", "radar", "scuba", "fifa", "uefa",
        "nafta", "asean", "ram", "rom", "gif", "raid", "lan", "wan", "pin", "sim", "covid",
        "aids", "osha", "darpa", "noaa", "nasdaq", "cobol", "basic", "posix", "ascii", "captcha",
        "crispr", "swat", "imax", "ikea", "lego", "unix", "linux", "gnu", "json", "yaml", "ok",
    ]
    /// Acronyms said letter by letter also where everything stands in capitals.
    static let spelledAcronyms = words(
        """
        aaa aarp ac adhd ai aka api apis aspca atm ceo cfo cia cpu cto diy dna dui eeg ekg epa esl
        espn eta eu eur faq fbi fda fyi gop gpu gui hiv ibm icu ieee imf ios iot iou ip ipo iq ira
        irs isp iv mba mit mri naacp nba ncaa ngo nsa oecd os rna roi seo sos uae uav ucla ufc ufo
        ui uk un unhcr url usa usb usda usps ussr ux vip vpn
        """)
    /// Short words that are no acronym when they stand in capitals.
    static let shortWords = words(
        """
        add age ago ah ail aim air ale all am an and ant any ape are art as ash ask at ate aw awe
        axe aye bad bag bah ban bar bat bay be bed bee beg bet bid big bin bit boo bow box boy bud
        bug bun bus but buy by bye can cap car cat cop cow cry cub cup cut dad dam day den dew did
        die dig dim dip do dog dry due dug duh dye each ear eat egg eh elf elm end era eve eye fan
        far fat fed fee few fig fin fit fix fly foe fog for fox fun fur gap gas get go god got gum
        gun gut guy gym ha had ham has hat hay he hen her hey hi hid him hip his hit hog hop hot
        how hug huh hut i ice if ill in ink inn is its jam jar jaw jet job jog joy key kid kin kit
        lab lad lap law lay leg let lid lie lip log lot low mad man map mat may me men met mix mob
        mom mop mud mug must my nag nah nap net never new no nod nope nor not now nut oak oar oat
        odd of off oh oil old on one only or our out ow owe owl own ox pan paw pay pea peg pen pie
        pig pit pop pot pub put rag ran rat raw ray red rib rid rim rob rod row rub rug run rye sad
        saw say sea see set sew she shy sin sir sit six ski sky sly so sob son sow soy spy stop sue
        sum sun tag tan tap tar tax tea ten that the this thy tie tin tip to toe ton too top toy
        try tub tug two ugh uh um up urn use van very vow wag war was wax way we wed wet what when
        who why wig win wit with won wow yay yep yes yet you your zip zoo
        """)
    /// Rows of consonants that are long and yet a word's.
    static let clusters = words(
        """
        bbl bstr bts cts ddl dds ffl ffs fts ggl ggs kst lbs lds lfs lks lls lms lps ltr lts mbl
        mbs mpl mps mpt ndl ndr nds ngl ngr nks nns nst nstr ntr nts ppl pts rbs rds rks rld rls
        rms rns rps rrs rst rts scr sks spl spr str sts ttl ttr tts wds wls wns wts xtr xts zzl
        """)
    /// Two letters for one consonant.
    static let digraphs: Set<[UInt8]> = Set(
        ["ch", "ck", "gh", "ng", "ph", "sh", "th", "wh"].map { Array($0.utf8) })

    private static func words(_ text: String) -> Set<String> {
        Set(text.split(whereSeparator: \.isWhitespace).map(String.init))
    }
    /// Sounds without a vowel letter that are said, not spelled.
    static let vowelless: Set<String> = [
        "hmm", "hm", "mhm", "mhmm", "mmhm", "mm", "mmm", "shh", "sh", "psst", "pst", "brr", "grr",
        "tsk", "pfft", "nth",
        "zzz",
    ]
    /// Signs behind a number: singular, plural.
    static let units: [String: (String, String)] = [
        "km": ("kilometer", "kilometers"), "m": ("meter", "meters"),
        "cm": ("centimeter", "centimeters"), "mm": ("millimeter", "millimeters"),
        "nm": ("nanometer", "nanometers"), "mi": ("mile", "miles"), "ft": ("foot", "feet"),
        "yd": ("yard", "yards"), "kg": ("kilogram", "kilograms"), "g": ("gram", "grams"),
        "mg": ("milligram", "milligrams"), "lb": ("pound", "pounds"), "lbs": ("pound", "pounds"),
        "oz": ("ounce", "ounces"), "l": ("liter", "liters"), "ml": ("milliliter", "milliliters"),
        "h": ("hour", "hours"), "hr": ("hour", "hours"), "hrs": ("hour", "hours"),
        "min": ("minute", "minutes"), "mins": ("minute", "minutes"), "sec": ("second", "seconds"),
        "secs": ("second", "seconds"), "s": ("second", "seconds"),
        "ms": ("millisecond", "milliseconds"), "hz": ("hertz", "hertz"),
        "khz": ("kilohertz", "kilohertz"), "mhz": ("megahertz", "megahertz"),
        "ghz": ("gigahertz", "gigahertz"), "w": ("watt", "watts"), "kw": ("kilowatt", "kilowatts"),
        "mw": ("megawatt", "megawatts"), "kwh": ("kilowatt hour", "kilowatt hours"),
        "v": ("volt", "volts"), "kb": ("kilobyte", "kilobytes"), "mb": ("megabyte", "megabytes"),
        "gb": ("gigabyte", "gigabytes"), "tb": ("terabyte", "terabytes"),
        "kbps": ("kilobit per second", "kilobits per second"),
        "mbps": ("megabit per second", "megabits per second"),
        "mph": ("mile per hour", "miles per hour"),
        "kmh": ("kilometer per hour", "kilometers per hour"),
        "km/h": ("kilometer per hour", "kilometers per hour"),
        "m/s": ("meter per second", "meters per second"), "db": ("decibel", "decibels"),
        "px": ("pixel", "pixels"), "pt": ("point", "points"), "pm": ("p m", "p m"),
        "am": ("_a m", "_a m"), "k": ("thousand", "thousand"), "bn": ("billion", "billion"),
        "x": ("times", "times"),
    ]
    /// Unit signs that also are words: only right behind the digits.
    static let attachedUnits: Set<String> = [
        "am", "pm", "s", "h", "k", "x", "pt", "v", "w", "l", "g",
    ]
    /// Currency: singular, plural, and of its hundredth.
    static let currencies: [UInt8: (String, String, String, String)] = [
        0x24: ("dollar", "dollars", "cent", "cents"),
        FoldedText.Symbol.euro: ("euro", "euros", "cent", "cents"),
        FoldedText.Symbol.pound: ("pound", "pounds", "penny", "pence"),
        FoldedText.Symbol.yen: ("yen", "yen", "sen", "sen"),
        FoldedText.Symbol.rupee: ("rupee", "rupees", "paisa", "paise"),
    ]
    static let illions: Set<String> = [
        "hundred", "thousand", "million", "billion", "trillion",
    ]
    /// Words after which four digits are a year.
    static let beforeYear: Set<String> = Set(
        months + [
            "in", "since", "by", "from", "until", "till", "of", "year", "years", "to", "after",
        ])
    /// Words after which `read` is in the past.
    static let beforePast: Set<String> = [
        "have", "has", "had", "having", "was", "were", "been", "be", "is", "are", "being", "i've",
        "you've", "we've", "they've", "he's", "she's", "it's",
    ]
    /// Ends of a host name that make a dotted word an address.
    static let domains: Set<String> = [
        "com", "org", "net", "io", "ai", "dev", "edu", "gov", "uk", "de", "co", "app", "info", "me",
        "tv", "eu", "us", "ca", "fr", "it", "es", "nl", "ch", "at", "jp", "cn", "in", "au", "cloud",
        "xyz", "biz",
    ]
    /// Words before which a clause may be cut without sounding torn.
    static let linking: Set<String> = [
        "and", "or", "but", "that", "which", "who", "because", "so", "if", "when", "while", "where",
        "than", "as", "of", "in", "on", "at", "to", "for", "with", "by", "from", "into", "about",
        "over", "after", "before", "between", "through", "during", "without", "under", "is", "are",
        "was", "were", "will", "would", "can", "could", "should", "may", "might", "has", "have",
        "had",
    ]
}
