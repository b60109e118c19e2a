// SPDX-License-Identifier: Apache-2.0

/// A voice of espeak-ng: its language, what the library calls it, what it reads.
struct ESpeakLanguage: Sendable {
    /// In lower case, unique: `de`, `pt-br`.
    let id: String
    /// The library's file of the voice.
    let file: String
    /// BCP 47.
    let tag: String
    /// For people.
    let name: String
    /// What it reads: its own writing and Latin.
    let systems: Set<WritingSystem>
    /// What brings it to −20 LUFS, as a factor.
    let gain: Float

    /// The voice for a language tag: the tag itself, else without what stands behind, else the
    /// usual one of the language; nil if nobody speaks it.
    init?(for tag: String) {
        var parts = tag.lowercased().split { $0 == "-" || $0 == "_" }
        while !parts.isEmpty {
            let name = parts.joined(separator: "-")
            if let found = Self.byID[Self.usual[name] ?? name] {
                self = found
                return
            }
            parts.removeLast()
        }
        return nil
    }

    /// Tags that the table knows by another name.
    private static let usual = [
        "en": "en-us", "fr": "fr-fr", "no": "nb", "nn": "nb", "es-mx": "es-419", "es-us": "es-419",
        "es-ar": "es-419", "es-co": "es-419", "es-cl": "es-419", "pt-pt": "pt", "zh-yue": "yue",
        "zh-hk": "yue", "iw": "he", "in": "id", "vi-vn": "vi", "hbs": "hr", "sh": "hr",
        "chr": "chr-us-qaaa-x-west", "tlh": "piqd",
    ]

    /// All of them, in the order of their ids.
    static let all: [ESpeakLanguage] = table.split(separator: "\n").compactMap { line in
        let parts = line.split(separator: " ", maxSplits: 5)
        guard parts.count == 6, let system = WritingSystem(rawValue: String(parts[3])),
            let gain = Float(parts[4])
        else { return nil }
        return ESpeakLanguage(
            id: String(parts[0]), file: String(parts[1]), tag: String(parts[2]),
            name: parts[5].drop { $0 == " " } + " (espeak-ng)", systems: [system, .latin],
            gain: gain)
    }

    private init(
        id: String, file: String, tag: String, name: String, systems: Set<WritingSystem>,
        gain: Float
    ) {
        (self.id, self.file, self.tag, self.name) = (id, file, tag, name)
        (self.systems, self.gain) = (systems, gain)
    }

    private static let byID = Dictionary(
        all.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })

    // The voices of 1.51 but Mandarin in Chinese letters, whose dictionary Debian leaves out: id,
    // file, tag, writing, gain (measured on figures, checked by a test), name.
    private static let table = """
        af                 gmw/af                af                 latin      1.10 Afrikaans
        am                 sem/am                am                 ethiopic   1.09 Amharic
        an                 roa/an                an                 latin      1.14 Aragonese
        ar                 sem/ar                ar                 arabic     1.14 Arabic
        as                 inc/as                as                 bengali    0.92 Assamese
        az                 trk/az                az                 latin      1.01 Azerbaijani
        ba                 trk/ba                ba                 cyrillic   1.03 Bashkir
        be                 zle/be                be                 cyrillic   0.99 Belarusian
        bg                 zls/bg                bg                 cyrillic   1.17 Bulgarian
        bn                 inc/bn                bn                 bengali    0.91 Bengali
        bpy                inc/bpy               bpy                bengali    0.90 Bishnupriya Manipuri
        bs                 zls/bs                bs                 latin      1.18 Bosnian
        ca                 roa/ca                ca                 latin      1.14 Catalan
        chr-us-qaaa-x-west iro/chr               chr-US-Qaaa-x-west cherokee   2.00 Cherokee
        cmn-latn-pinyin    sit/cmn-Latn-pinyin   cmn-Latn-pinyin    latin      0.88 Chinese (Mandarin, Pinyin)
        cs                 zlw/cs                cs                 latin      1.23 Czech
        cv                 trk/cv                cv                 cyrillic   0.89 Chuvash
        cy                 cel/cy                cy                 latin      1.02 Welsh
        da                 gmq/da                da                 latin      1.10 Danish
        de                 gmw/de                de                 latin      1.07 German
        el                 grk/el                el                 greek      1.08 Greek
        en-029             gmw/en-029            en-029             latin      1.02 English (Caribbean)
        en-gb              gmw/en                en-GB              latin      1.05 English (Great Britain)
        en-gb-scotland     gmw/en-GB-scotland    en-GB-scotland     latin      1.00 English (Scotland)
        en-gb-x-gbclan     gmw/en-GB-x-gbclan    en-GB-x-gbclan     latin      0.93 English (Lancaster)
        en-gb-x-gbcwmd     gmw/en-GB-x-gbcwmd    en-GB-x-gbcwmd     latin      1.00 English (West Midlands)
        en-gb-x-rp         gmw/en-GB-x-rp        en-GB-x-rp         latin      1.08 English (Received Pronunciation)
        en-us              gmw/en-US             en-US              latin      1.12 English (America)
        en-us-nyc          gmw/en-US-nyc         en-US-nyc          latin      1.11 English (America, New York City)
        eo                 art/eo                eo                 latin      1.21 Esperanto
        es                 roa/es                es                 latin      1.13 Spanish (Spain)
        es-419             roa/es-419            es-419             latin      1.07 Spanish (Latin America)
        et                 urj/et                et                 latin      1.17 Estonian
        eu                 eu                    eu                 latin      1.12 Basque
        fa                 ira/fa                fa                 arabic     1.08 Persian
        fa-latn            ira/fa-Latn           fa-Latn            latin      1.13 Persian (Pinglish)
        fi                 urj/fi                fi                 latin      1.08 Finnish
        fr-be              roa/fr-BE             fr-BE              latin      1.35 French (Belgium)
        fr-ch              roa/fr-CH             fr-CH              latin      1.36 French (Switzerland)
        fr-fr              roa/fr                fr-FR              latin      1.36 French (France)
        ga                 cel/ga                ga                 latin      1.01 Gaelic (Irish)
        gd                 cel/gd                gd                 latin      1.09 Gaelic (Scottish)
        gn                 sai/gn                gn                 latin      1.05 Guarani
        grc                grk/grc               grc                greek      1.18 Greek (Ancient)
        gu                 inc/gu                gu                 gujarati   1.07 Gujarati
        hak                sit/hak               hak                latin      1.04 Hakka Chinese
        haw                map/haw               haw                latin      0.56 Hawaiian
        he                 sem/he                he                 hebrew     0.89 Hebrew
        hi                 inc/hi                hi                 devanagari 1.02 Hindi
        hr                 zls/hr                hr                 latin      1.20 Croatian
        ht                 roa/ht                ht                 latin      1.15 Haitian Creole
        hu                 urj/hu                hu                 latin      1.19 Hungarian
        hy                 ine/hy                hy                 armenian   1.02 Armenian (East Armenia)
        hyw                ine/hyw               hyw                armenian   0.90 Armenian (West Armenia)
        ia                 art/ia                ia                 latin      1.17 Interlingua
        id                 poz/id                id                 latin      1.13 Indonesian
        io                 art/io                io                 latin      1.15 Ido
        is                 gmq/is                is                 latin      1.08 Icelandic
        it                 roa/it                it                 latin      1.20 Italian
        ja                 jpx/ja                ja                 kana       1.00 Japanese
        jbo                art/jbo               jbo                latin      0.98 Lojban
        ka                 ccs/ka                ka                 georgian   0.97 Georgian
        kk                 trk/kk                kk                 cyrillic   1.04 Kazakh
        kl                 esx/kl                kl                 latin      1.14 Greenlandic
        kn                 dra/kn                kn                 kannada    0.98 Kannada
        ko                 ko                    ko                 hangul     0.99 Korean
        kok                inc/kok               kok                devanagari 0.87 Konkani
        ku                 ira/ku                ku                 latin      1.01 Kurdish
        ky                 trk/ky                ky                 cyrillic   0.97 Kyrgyz
        la                 itc/la                la                 latin      1.02 Latin
        lb                 gmw/lb                lb                 latin      0.97 Luxembourgish
        lfn                art/lfn               lfn                latin      1.01 Lingua Franca Nova
        lt                 bat/lt                lt                 latin      1.05 Lithuanian
        ltg                bat/ltg               ltg                latin      0.96 Latgalian
        lv                 bat/lv                lv                 latin      1.12 Latvian
        mi                 poz/mi                mi                 latin      0.41 Māori
        mk                 zls/mk                mk                 cyrillic   1.02 Macedonian
        ml                 dra/ml                ml                 malayalam  1.01 Malayalam
        mr                 inc/mr                mr                 devanagari 0.95 Marathi
        ms                 poz/ms                ms                 latin      1.09 Malay
        mt                 sem/mt                mt                 latin      0.91 Maltese
        my                 sit/my                my                 myanmar    0.83 Myanmar (Burmese)
        nb                 gmq/nb                nb                 latin      1.14 Norwegian Bokmål
        nci                azc/nci               nci                latin      0.95 Nahuatl (Classical)
        ne                 inc/ne                ne                 devanagari 1.09 Nepali
        nl                 gmw/nl                nl                 latin      1.04 Dutch
        nog                trk/nog               nog                cyrillic   0.87 Nogai
        om                 cus/om                om                 latin      0.95 Oromo
        or                 inc/or                or                 oriya      0.84 Oriya
        pa                 inc/pa                pa                 gurmukhi   0.97 Punjabi
        pap                roa/pap               pap                latin      1.12 Papiamento
        piqd               art/piqd              piqd               klingon    0.75 Klingon
        pl                 zlw/pl                pl                 latin      1.14 Polish
        pt                 roa/pt                pt                 latin      1.08 Portuguese (Portugal)
        pt-br              roa/pt-BR             pt-BR              latin      1.05 Portuguese (Brazil)
        py                 art/py                py                 latin      1.19 Pyash
        qdb                art/qdb               qdb                latin      1.09 Lang Belta
        qu                 qu                    qu                 latin      1.16 Quechua
        quc                myn/quc               quc                latin      1.01 K'iche'
        qya                art/qya               qya                latin      0.90 Quenya
        ro                 roa/ro                ro                 latin      1.08 Romanian
        ru                 zle/ru                ru                 cyrillic   1.19 Russian
        ru-lv              zle/ru-LV             ru-LV              cyrillic   1.49 Russian (Latvia)
        sd                 inc/sd                sd                 arabic     1.04 Sindhi
        shn                tai/shn               shn                myanmar    1.14 Shan (Tai Yai)
        si                 inc/si                si                 sinhala    1.03 Sinhala
        sjn                art/sjn               sjn                latin      0.95 Sindarin
        sk                 zlw/sk                sk                 latin      1.17 Slovak
        sl                 zls/sl                sl                 latin      0.97 Slovenian
        smj                urj/smj               smj                latin      1.05 Lule Saami
        sq                 ine/sq                sq                 latin      1.13 Albanian
        sr                 zls/sr                sr                 cyrillic   1.11 Serbian
        sv                 gmq/sv                sv                 latin      1.04 Swedish
        sw                 bnt/sw                sw                 latin      1.03 Swahili
        ta                 dra/ta                ta                 tamil      1.02 Tamil
        te                 dra/te                te                 telugu     1.00 Telugu
        th                 tai/th                th                 thai       0.99 Thai
        tk                 trk/tk                tk                 latin      0.87 Turkmen
        tn                 bnt/tn                tn                 latin      0.81 Setswana
        tr                 trk/tr                tr                 latin      0.94 Turkish
        tt                 trk/tt                tt                 cyrillic   1.36 Tatar
        ug                 trk/ug                ug                 arabic     1.00 Uyghur
        uk                 zle/uk                uk                 cyrillic   1.18 Ukrainian
        ur                 inc/ur                ur                 arabic     0.98 Urdu
        uz                 trk/uz                uz                 latin      1.14 Uzbek
        vi                 aav/vi                vi                 latin      1.04 Vietnamese (Northern)
        vi-vn-x-central    aav/vi-VN-x-central   vi-VN-x-central    latin      1.06 Vietnamese (Central)
        vi-vn-x-south      aav/vi-VN-x-south     vi-VN-x-south      latin      0.95 Vietnamese (Southern)
        yue                sit/yue               yue                han        1.01 Chinese (Cantonese)
        yue-latn-jyutping  sit/yue-Latn-jyutping yue-Latn-jyutping  latin      1.05 Chinese (Cantonese, Jyutping)
        """
}
