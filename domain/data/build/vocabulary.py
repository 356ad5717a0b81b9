"""How the embedding cuts text into tokens, and which tokens it knows. `domain::matching::text` does the same."""
import collections, re
import texts

TOKEN = re.compile(r"[a-z0-9][a-z0-9+#]*(?:[.\-/&'][a-z0-9+#]+)*|\.net|[a-z0-9]+")


def tokens(text):
    """Lower-case tokens; a joint like node.js or ci/cd stays one token until the table says it is unknown."""
    return [t if t == ".net" else t.strip("-'/&.") for t in TOKEN.findall(text.lower())]


def build(corpus, words=27000, phrases=4500):
    """The tokens that get a row: words that occur at least twice, most frequent first, then phrases of 2 or 3 words."""
    single, pair, spoken = collections.Counter(), collections.Counter(), set()
    for name, aliases in texts.own_skills():
        for text in [name, *aliases]:
            cut = tokens(text)
            if 2 <= len(cut) <= 3:
                spoken.add(" ".join(cut))
    for text in corpus:
        cut = tokens(text)
        single.update(cut)
        for t in cut:
            if re.search(r"[.\-/&']", t):
                single.update(p for p in re.split(r"[.\-/&']", t) if p)
        if len(cut) <= 12:
            pair.update(" ".join(p) for p in zip(cut, cut[1:]))
    known = [t for t, n in single.most_common(words) if n >= 2]
    base = set(known)
    stop = {"and", "of", "the", "to", "in", "for", "a", "with", "or", "on", "an", "by", "as", "from", "at", "is", "are", "&"}
    frequent = [p for p, n in pair.most_common(20000) if n >= 25 and not (set(p.split()) & stop)]
    chosen = [p for p in sorted(spoken) if all(t in base for t in p.split())]
    for p in frequent:
        if len(chosen) >= phrases:
            break
        if p not in spoken and all(t in base for t in p.split()):
            chosen.append(p)
    return known + chosen
