// SPDX-License-Identifier: Apache-2.0

/// Fifty short sentences a language, with all its sounds: rounded front vowels, nasals, geminates,
/// affricates, approximants, figures.
enum ESpeakSentences {
    static let of: [String: [String]] = [
        "de": german, "es": spanish, "fr-fr": french, "it": italian,
    ]

    private static func lines(_ text: String) -> [String] {
        text.split(separator: "\n").map(String.init)
    }

    private static let german = lines(
        """
        Wir sind zwei.
        Schön ist es hier.
        Er steht über dem Haus.
        Ich bin müde.
        Der Pfeffer ist scharf.
        Die Straße ist lang.
        Zwölf Äpfel sind rot.
        Das Buch ist blau.
        Frühstück um sieben.
        Guten Morgen, Herr Müller.
        Der Zug fährt gleich ab.
        Meine Mutter kocht Suppe.
        Das Mädchen lächelt.
        Wo ist der Bahnhof?
        Komm bitte her!
        Heute scheint die Sonne.
        Die Bäume blühen im Mai.
        Er kauft neue Schuhe.
        Fünf Vögel fliegen fort.
        Wie viel kostet das?
        Ich möchte einen Kaffee.
        Der Hund bellt laut.
        Sie wäscht ihre Hände.
        Das Wasser ist kühl.
        Ein böser Wolf heult.
        Der König trägt eine Krone.
        Öffne bitte das Fenster.
        Wir gehen ins Kino.
        Die Katze schläft im Korb.
        Es regnet schon wieder.
        Mein Bruder spielt Klavier.
        Der Apfel fällt vom Baum.
        Das Pferd springt hoch.
        Niemand weiß warum.
        Bring mir den Löffel.
        Er hat viel Hunger.
        Die Brücke ist gesperrt.
        Zehn Züge zogen Ziegen.
        Kannst du mir helfen?
        Das Kind weint leise.
        Wir fahren nach Köln.
        Die Milch ist sauer.
        Er spricht sehr schnell.
        Das Licht geht aus.
        Im Winter fällt Schnee.
        Bist du jetzt fertig?
        Der Knopf ist ab.
        Alles Gute zum Geburtstag!
        Ich habe 25 Euro.
        Auf Wiedersehen und danke.
        """)

    private static let spanish = lines(
        """
        El perro come carne.
        Mi abuelo vive aquí.
        La lluvia cae fuerte.
        El vehículo es nuevo.
        Llegó a Múnich ayer.
        Compré un zapato rojo.
        ¿Dónde está el baño?
        Me gusta el chocolate.
        La niña canta bien.
        Hoy es jueves.
        El queso está rico.
        Quiero agua fría.
        Tengo 25 años.
        El cielo es azul.
        Buenos días, señor.
        Vamos a la playa.
        El gato duerme mucho.
        La guitarra suena bien.
        Mañana será otro día.
        No sé nada de eso.
        El pingüino nada rápido.
        Abre la ventana, por favor.
        La familia vive lejos.
        Hace mucho calor.
        El coche va deprisa.
        Los jóvenes bailan.
        Mi hermano juega fútbol.
        La cebolla me hace llorar.
        Pedro pinta paredes.
        ¿Cuánto cuesta esto?
        El caballo corre libre.
        La voz del viento.
        Dame un beso.
        Ellos hablan bajo.
        La uva es dulce.
        El reloj marca las dos.
        Escribe tu nombre.
        La ciudad duerme.
        El huevo está frito.
        Ven a mi casa.
        Nadie sabe la verdad.
        El juez dictó sentencia.
        Bebe un vaso de vino.
        La puerta está abierta.
        Fuimos al museo.
        El niño llora.
        Perdón, no entiendo.
        Gracias por todo.
        La cuchara se cayó.
        ¡Qué bonito día!
        """)

    private static let french = lines(
        """
        Bonjour, monsieur.
        Le vin est bon.
        La lune est pleine.
        Il y a huit chats.
        Le mur est blanc.
        Vous parlez trop vite.
        Les enfants aiment jouer.
        Un bon pain frais.
        Je suis très fatigué.
        Elle chante une chanson.
        Le feu brûle encore.
        Deux œufs sur le plat.
        Ma sœur pleure.
        Il fait beau ici.
        Où est la gare?
        Je voudrais un café.
        Le pont est fermé.
        Il pleut depuis hier.
        La montagne est haute.
        Quel âge avez vous?
        Nous partons demain.
        Le chien dort dehors.
        Ferme la fenêtre.
        Une rue très étroite.
        Le poisson nage bien.
        Je ne sais pas.
        Le vent souffle fort.
        Mon père lit beaucoup.
        Cinq pommes vertes.
        Un peu de beurre.
        La famille mange ensemble.
        Il boit de l'eau.
        La nuit tombe vite.
        Bonne chance à tous!
        Le train arrive bientôt.
        Qui a fait cela?
        Les oiseaux volent.
        Un grand jardin.
        La soupe est chaude.
        Tu viens avec moi?
        Le juge écoute.
        Trois jours plus tard.
        Mets ton manteau.
        Le roi est mort.
        C'est la vie.
        Le lundi matin.
        J'ai vingt ans.
        Merci pour tout.
        Un parfum de rose.
        Au revoir et bonne nuit.
        """)

    private static let italian = lines(
        """
        Buongiorno, signora.
        La mamma cucina bene.
        Gli gnocchi sono buoni.
        Sono molto stanco.
        Il gatto beve il latte.
        Mi piace la pizza.
        Dove è la stazione?
        La palla è rossa.
        Papà legge il giornale.
        Vorrei un caffè.
        Il cielo è azzurro.
        Oggi fa freddo.
        La figlia balla.
        Ho venticinque anni.
        Il cane abbaia forte.
        Chiudi la finestra.
        La chiesa è antica.
        Il pesce nuota.
        Questo costa troppo.
        Andiamo al mare.
        La notte è lunga.
        Il treno parte adesso.
        Dammi un bacio.
        La zuppa è calda.
        Il ragazzo corre.
        Che bella giornata!
        Fammi vedere.
        Il fuoco brucia.
        La scuola comincia presto.
        Non lo so.
        Mio fratello suona.
        Il giudice ascolta.
        La luna è piena.
        Bevi un po' d'acqua.
        Il vino è buono.
        Sette gatti neri.
        La bocca si apre.
        Ecco il conto.
        Il bambino piange.
        Mangiamo insieme.
        La moglie di Luca.
        Il libro è aperto.
        Viaggiare è bello.
        Lo zio ha ragione.
        Il cappello è nuovo.
        Tutti ridono.
        La pioggia cade.
        Grazie mille.
        Il sole splende.
        Arrivederci a domani.
        """)
}
