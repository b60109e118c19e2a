# SPDX-License-Identifier: Apache-2.0
"""How our pronunciations agree with lexicons that others made, in what a mouth shows of them.

usage: pronunciations.py AVATAR_AGENT
Prints {LANGUAGE: {"words": how many, "classes": agreement of viseme classes in percent, "exact": words in percent}}.

Tests/Peers/words has 400 words of each language, drawn blindly, with the sounds that a lexicon gives them; see
its README. Both sides go through our tables to the class that is largest in each sound; the agreement is one
less the edit distance over the lexicon's number of classes. What is only written differently is made equal
first: a lexicon's "a eː" is our "aɪ".
"""
import json, os, re, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
TABLES = os.path.join(HERE, "../../Sources/LipSync/Tables")
MARKS = re.compile("[ˈˌːˑʲ‿.\u0329\u032f\u0361]")
# What the lexicon, or espeak-ng, writes in another way than the other: the same sounds.
SPELLINGS = {
    "en": [],
    "de": [("a o", "aʊ"), ("a e", "aɪ"), ("ɔ ʏ", "ɔʏ"), ("ɔ ø", "ɔʏ"), ("ɔø", "ɔʏ"), ("ɾ", "ʁ"), ("r", "ʁ"), ("ɐ", "ʁ"), ("ɛ n", "ə n")],
    "es": [("ð", "d"), ("β", "b"), ("ɣ", "g"), ("ŋ", "n"), ("ʎ", "ʝ"), ("wa", "w a"), ("we", "w e"), ("ja", "j a"), ("r", "ɾ")],
    "fr": [],
    "it": [("t tʃ", "tʃ"), ("d dʒ", "dʒ"), ("t ts", "ts"), ("d dz", "dz"), ("r ɾ", "r"), ("r r", "r"), ("ŋ", "n")],
}


def table(language):
    """From a sound to its classes, those that move nothing left out."""
    classes = {}
    for name in ("world", language):
        with open(os.path.join(TABLES, name + ".mouth"), encoding="utf-8") as file:
            for line in file:
                columns = [c.strip() for c in line.split("#")[0].split("|")]
                if len(columns) < 3:
                    continue
                largest = [max(re.findall(r"([A-Za-z]+) (\d*\.?\d+)(?!\d*%)", part), key=lambda w: float(w[1]))[0] for part in columns[1].split(">")]
                for sound in columns[0].split():
                    classes[sound] = [] if columns[2].startswith("weak") else largest
    return classes


def sounds(language, phones):
    """The phones of a word in one way of writing."""
    row = [MARKS.sub("", phone).replace("ɡ", "g") for phone in phones if phone not in ("sil", "SIL", "ʔ")]
    if language == "en":
        return [p if p in ("AH0", "ER0") else p.rstrip("012") for p in row]
    text = f" {' '.join(p for p in row if p)} "
    for one, other in SPELLINGS[language]:
        # Twice: two in a row share the space between them.
        for _ in range(2):
            text = text.replace(f" {one} ", f" {other} ")
    return text.split()


def mouth(classes, language, phones):
    """The classes of a word, each once in a row."""
    row = []
    for sound in sounds(language, phones):
        # One that no table has is several in one sign.
        for part in [sound] if sound in classes else sound:
            row += classes.get(part, [])
    return [c for c, before in zip(row, [None] + row) if c != before]


def distance(one, other):
    """Levenshtein's."""
    costs = list(range(len(other) + 1))
    for i, x in enumerate(one, 1):
        diagonal, costs[0] = costs[0], i
        for j, y in enumerate(other, 1):
            diagonal, costs[j] = costs[j], min(costs[j] + 1, costs[j - 1] + 1, diagonal + (x != y))
    return costs[-1]


def judge(agent, language):
    with open(os.path.join(HERE, "words", language + ".tsv"), encoding="utf-8") as file:
        lexicon = {word: [p.split() for p in forms] for word, *forms in (line.rstrip("\n").split("\t") for line in file)}
    lines = [
        json.dumps({"id": word, "language": language, "words": [{"text": word, "start_ms": 0, "end_ms": 100 * len(word)}]}) for word in lexicon]
    run = subprocess.run([agent, "lipsync", "--batch", "--phones", "-"], input="\n".join(lines), capture_output=True, text=True, timeout=100, check=True)
    classes = table(language)
    wrong = total = exact = 0
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    for answer in answers:
        ours = mouth(classes, language, [p["phone"] for p in answer["phones"]])
        forms = [mouth(classes, language, form) for form in lexicon[answer["id"]]]
        errors, form = min(((distance(ours, form), form) for form in forms), key=lambda found: found[0])
        wrong, total, exact = wrong + errors, total + len(form), exact + (errors == 0)
    return {"words": len(answers), "classes": 100 - 100 * wrong / total, "exact": 100 * exact / len(answers)}


print(json.dumps({language: judge(sys.argv[1], language) for language in SPELLINGS}))
