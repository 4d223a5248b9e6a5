"""Draw sentences of the construction, mixed with human captions, to be judged blind; and count the verdicts.

    python scripts/judge_english.py draw --vocabulary FOLDER --captions FOLDER --seed 1 --out FOLDER
    python scripts/judge_english.py gather FOLDER --first FAULTS --second FAULTS --out VERDICTS
    python scripts/judge_english.py count docs/english_verdicts.tsv

`draw` writes `sheet_1.txt` and `sheet_2.txt`: the same sentences, numbered in two orders; nothing tells where a
sentence is from. `key.json` does. A judge reads a sheet and writes a file of the faults: number, tab, fault; a sentence
without a line has none. `gather` joins both passes with the key. `count` prints the shares and the agreement.

FOLDER of the vocabulary has GQA's `obj2attribute.json` (which attributes occur with which names) and `objects.json`
(names, most frequent first), of github.com/wenhuchen/Meta-Module-Network. FOLDER of the captions has SugarCrepe's
files (github.com/RAIVNLab/sugar-crepe): their positive captions are people's. The verdicts name a caption by file and
key and do not have its text.

The descriptions are drawn from patterns of what people say of photographs (`PATTERNS`), with the shares of the tuple
types in FineCops-Ref's test set. They go through the rule that keeps odd descriptions out of a benchmark (`oddity`).
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from collections.abc import Sequence
from pathlib import Path

from finecops.construction.description import SAME, Description, Edge, Node
from finecops.construction.english.oddities import oddity
from finecops.construction.english.realise import realise, sample_wording
from finecops.construction.lexicon import Lexicon
from finecops.construction.words import gqa_lexicon

OURS, HUMAN = 300, 100
SHARES = {"0_hop": 2333, "1_hop": 2146, "2_hop": 2555, "and": 1639, "same_attr": 705, "same_attr_two_hop": 227}
"""Tuple types of FineCops-Ref's test set."""

GROUPS = {
    "region": "grass street road sidewalk field beach sand snow ground floor water",
    "upright": "wall fence building tree pole",
    "things": "vehicle furniture person animal building plant",
    "surface": "table desk counter shelf tray nightstand coffee_table dresser stove bench",
    "seat": "bench chair couch sofa bed rock stool",
    "small": "container food device dish book utensil lamp toy bag candle napkin box clock pillow",
    "held": "umbrella bag bottle cup phone book racket bat ball kite surfboard box camera banana frisbee",
    "ridden": "bike motorcycle horse skateboard elephant surfboard bicycle skis",
    "hung": "picture mirror clock poster towel sign curtain flag jacket painting",
    "way": "street road sidewalk bridge highway",
    "water_": "water ocean lake river pond",
    "vessel": "bowl glass cup box basket vase bottle bucket plate",
    "content": "water fruit soup flowers vegetables coffee ice juice apples rice oranges",
    "parts": "hair glasses hat beard backpack hood",
    "openings": "windows door roof chimney balcony clock",
}
"""Names, and kinds that stand for all names below them."""

PATTERNS = """
40 any > to the left of, to the right of > any
14 things small > near, next to, behind, in front of, beside, by, close to > things surface seat
8 person > wearing > clothing
6 person > holding, carrying > held
4 person > sitting on > seat
3 person animal > standing on, walking on, lying on > region
3 person > riding > ridden
3 person > looking at, watching, facing, talking to > person animal
2 person > sitting at, standing behind, standing in front of, standing next to, standing near, at > table desk counter
2 person > leaning on, leaning against > upright car
2 person > using, talking on, reading, eating, cutting, throwing, catching, hitting, swinging, playing with > same_verb
2 person > pushing, pulling > cart stroller suitcase
8 small > on, on top of, sitting on, in front of > surface
3 food > in, on > bowl plate box basket
2 vessel > full of, filled with, with, contain > content
3 building vehicle > with > openings
2 person > with > parts
3 cow sheep horse elephant zebra giraffe > standing in, grazing on, walking in > grass field
1 cow sheep horse elephant zebra giraffe > eating > grass hay leaves
1 bird > perched on, sitting on > branch fence pole wire
1 bird airplane kite > flying in > sky
3 car bus truck van taxi motorcycle > parked on, driving on, driving down, crossing, on > way
1 car bus truck van > parked by > building curb
1 boat > floating in, in > water_
3 hung > hanging on, on, mounted on, above > wall door
1 lamp light_fixture > hanging from, above > ceiling
2 tree car hill roof > covered with, covered in, covered by > snow leaves
1 cake pizza > topped with, covered with, with > frosting cheese tomatoes
2 dog cat shoe box rug bag > under, underneath, beneath, below > table bed chair bench
2 shelf cabinet mirror clock > above, below > sink stove counter fireplace
1 house building field > surrounded by > trees grass fence
1 plant tree flower > growing in, growing on > pot field grass
1 animal > pulling, pulled by > cart carriage
1 sticker logo > printed on, painted on, attached to > truck bus bag laptop
1 tree person building > reflected in > mirror water window
"""

VERB_TAILS = {
    "using": "laptop computer phone", "talking on": "cell_phone phone", "reading": "book newspaper magazine",
    "eating": "pizza sandwich cake donut", "cutting": "cake pizza bread", "throwing": "frisbee ball baseball",
    "catching": "frisbee ball", "hitting": "ball tennis_ball", "swinging": "bat racket", "playing with": "dog ball cat",
}  # fmt: skip


class World:
    """What names, attributes and relations go together."""

    def __init__(self, vocabulary: Path, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        names = json.loads((vocabulary / "objects.json").read_text())
        self.names = [name for name in names if name in lexicon.nouns]
        occurring = json.loads((vocabulary / "obj2attribute.json").read_text())
        frequent = json.loads((vocabulary / "attributes.json").read_text())
        self.attributes = {
            name: [a for a in frequent if a in words and a in lexicon.attributes] for name, words in occurring.items()
        }
        self.patterns = [self._pattern(line) for line in PATTERNS.strip().splitlines()]

    def _pattern(self, line: str) -> tuple[int, list[str], list[str], str]:
        weight, rest = line.split(" ", 1)
        heads, relations, tails = (part.strip() for part in rest.split(">"))
        return int(weight), self.expand(heads), [r.strip() for r in relations.split(",")], tails

    def expand(self, words: str) -> list[str]:
        """Names of a list of names, kinds and groups, most frequent first."""
        out: list[str] = []
        for word in words.split():
            if word == "any":
                out += [name for name in self.names[:400] if self.lexicon.nouns[name].target]
            elif word in GROUPS:
                out += self.expand(GROUPS[word])
            else:
                name = word.replace("_", " ").strip()
                known = [n for n in self.names if name == n or name in self.lexicon.nouns[n].kinds]
                if not known and name in self.lexicon.nouns:
                    known = [name]
                out += known
        return list(dict.fromkeys(out))

    def relation(self, rng: random.Random, head: str | None, target: bool) -> tuple[str, str, str] | None:
        """Head, relation and tail; the head is given, or may be asked for."""
        options = [p for p in self.patterns if head is None or head in p[1]]
        if not options:
            return None
        _, heads, relations, tails = rng.choices(options, [p[0] for p in options])[0]
        relation = rng.choice(relations)
        if head is None:
            nouns = self.lexicon.nouns
            head = _by_rank(rng, [h for h in heads if not target or self.is_target(h)] or list(nouns)[:1])
        after = self.expand(VERB_TAILS[relation] if tails == "same_verb" else tails)
        if tails == "content":
            after = [name for name in after if self.lexicon.nouns[name].number in ("plural", "mass")]
        return head, relation, _by_rank(rng, after)

    def is_target(self, name: str) -> bool:
        """Whether a sentence may ask for it: one thing, not a group."""
        return self.lexicon.nouns[name].target and not self.lexicon.is_group(name)

    def node(self, rng: random.Random, name: str, most: int = 2) -> Node:
        """A name with attributes that occur with it."""
        known = [a for a in self.attributes.get(name, []) if self.lexicon.fits(name, a)]
        count = rng.choice([0, 0, 1, 1, 1, 2])
        chosen: list[str] = []
        for _ in range(min(count, most, len(known))):
            kinds = {_dimension(self.lexicon.attributes[a].kind) for a in chosen}
            chosen += [a for a in [_by_rank(rng, known)] if _dimension(self.lexicon.attributes[a].kind) not in kinds]
        return Node(name, tuple(chosen))

    def description(self, rng: random.Random, tuple_type: str) -> Description | None:
        """A description of a type, or None where the draw led nowhere."""
        if tuple_type == "0_hop":
            targets = [n for n in self.names[:400] if self.is_target(n)]
            return Description(tuple_type, (self.node(rng, _by_rank(rng, targets)),))
        first = self.relation(rng, None, target=True)
        assert first is not None
        if tuple_type.startswith("same_attr"):
            kind = rng.choices(["color", "material", "shape", "pattern"], [10, 3, 1, 1])[0]
            first = (first[0], SAME + kind, _by_rank(rng, [n for n in self.names[:300] if self.is_target(n)]))
        names, edges = [first[0], first[2]], [Edge(first[1], 0, 1)]
        if tuple_type in ("2_hop", "and", "same_attr_two_hop"):
            head = 0 if tuple_type == "and" else 1
            second = self.relation(rng, names[head], target=False)
            if second is None or second[2] in names or (second[1] == first[1] and tuple_type == "and"):
                return None
            names.append(second[2])
            edges.append(Edge(second[1], head, 2))
        if any(not self.lexicon.relations[e.relation].question for e in edges if not e.relation.startswith(SAME)):
            return None
        return Description(tuple_type, tuple(self.node(rng, name) for name in names), tuple(edges))


def _dimension(kind: str) -> str:
    """The kind of an attribute; all sizes are one, so that nothing is small and tall."""
    return "size" if kind in ("size", "height", "length", "width", "build") else kind


def _by_rank(rng: random.Random, words: Sequence[str]) -> str:
    """One of a list in order of frequency: rank r about as often as 1/r."""
    return rng.choices(words, [1 / (rank + 3) for rank in range(len(words))])[0]


def sentences(vocabulary: Path, seed: int, count: int) -> list[str]:
    """Sentences of the construction, half of them with capital letter and full stop."""
    rng, lexicon = random.Random(f"{seed}/sentences"), gqa_lexicon()
    world = World(vocabulary, lexicon)
    found: list[str] = []
    while len(found) < count:
        tuple_type = rng.choices(list(SHARES), list(SHARES.values()))[0]
        said = world.description(rng, tuple_type)
        if said is None or oddity(said, lexicon) is not None:
            continue
        definite = [rng.random() < 0.7 for _ in said.nodes]
        text = realise(said, sample_wording(rng, said, lexicon), definite, lexicon, sentence=True).text
        if text not in found:
            found.append(text)
    return found


def captions(folder: Path, seed: int, count: int) -> list[tuple[str, str]]:
    """Human captions: where each stands (file and key), and its text."""
    rng = random.Random(f"{seed}/captions")
    known = {}
    for path in sorted(folder.rglob("*.json")):
        for key, row in json.loads(path.read_text()).items():
            known.setdefault(" ".join(row["caption"].split()), f"{path.relative_to(folder)}:{key}")
    return [(known[text], text) for text in rng.sample(sorted(known), count)]


def draw(options: argparse.Namespace) -> None:
    """Write the two sheets and the key."""
    items = [("ours", text) for text in sentences(options.vocabulary, options.seed, OURS)]
    items += captions(options.captions, options.seed, HUMAN)
    options.out.mkdir(parents=True, exist_ok=True)
    key: dict[str, object] = {"seed": options.seed}
    for sheet in ("1", "2"):
        order = list(range(len(items)))
        random.Random(f"{options.seed}/sheet/{sheet}").shuffle(order)
        lines = [f"{number}\t{items[i][1]}" for number, i in enumerate(order, 1)]
        (options.out / f"sheet_{sheet}.txt").write_text("\n".join(lines) + "\n")
        key[sheet] = order
    key["items"] = [(source, text if source == "ours" else "") for source, text in items]
    (options.out / "key.json").write_text(json.dumps(key, indent=0))
    print(f"{len(items)} sentences in {options.out}/sheet_1.txt and sheet_2.txt")


def _faults(path: Path) -> dict[int, str]:
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    return {int(number): fault.strip() for number, fault in (line.split("\t", 1) for line in lines)}


def gather(options: argparse.Namespace) -> None:
    """Join the verdicts of both passes with the key; add them to a file."""
    key = json.loads((options.folder / "key.json").read_text())
    passes = [_faults(options.first), _faults(options.second)]
    new = not options.out.exists()
    with options.out.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        if new:
            writer.writerow(["seed", "source", "sentence", "first", "second"])
        for i, (source, text) in enumerate(key["items"]):
            verdicts = [faults.get(key[sheet].index(i) + 1, "") for sheet, faults in zip("12", passes, strict=True)]
            writer.writerow([key["seed"], source, text, *verdicts])


def count(options: argparse.Namespace) -> None:
    """Print the shares without a fault and the agreement of both passes, per seed."""
    import numpy as np

    from finecops.construction.review.agreement import agreement

    with options.verdicts.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for seed in dict.fromkeys(row["seed"] for row in rows):
        mine = [row for row in rows if row["seed"] == seed]
        votes = np.array([[bool(row["first"]), bool(row["second"])] for row in mine], dtype=np.intp)
        found = agreement(votes, np.arange(len(mine)), 2)
        assert found is not None
        kappa = "none" if found.kappa is None else f"{found.kappa:.2f}"
        print(f"seed {seed}: both passes agree on {found.observed:.1%} of {len(mine)} sentences, kappa {kappa}")
        for source, label in ((True, "finecops"), (False, "human captions")):
            group = [row for row in mine if (row["source"] == "ours") == source]
            good = [sum(not row[name] for row in group) for name in ("first", "second")]
            both = sum(not row["first"] and not row["second"] for row in group)
            n = len(group)
            print(f"  {label}: without a fault {good[0] / n:.1%} and {good[1] / n:.1%} of {n}; in both {both / n:.1%}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("draw", help="write two sheets and their key")
    one.add_argument("--vocabulary", type=Path, required=True)
    one.add_argument("--captions", type=Path, required=True)
    one.add_argument("--seed", type=int, required=True)
    one.add_argument("--out", type=Path, required=True)
    one.set_defaults(run=draw)
    two = commands.add_parser("gather", help="join the verdicts with the key")
    two.add_argument("folder", type=Path)
    two.add_argument("--first", type=Path, required=True)
    two.add_argument("--second", type=Path, required=True)
    two.add_argument("--out", type=Path, required=True)
    two.set_defaults(run=gather)
    three = commands.add_parser("count", help="print shares and agreement")
    three.add_argument("verdicts", type=Path)
    three.set_defaults(run=count)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
