#!/usr/bin/env python3
"""Learns which skills keep company from the skill lists of posts.

    python3 skill_graph.py POSTS.tsv[.gz]        one post a line: id <tab> skill|skill|...

Writes skill_graph_names.txt (one folded name a line, most frequent first) and skill_graph.bin: for each name its share of
all mentions (u32, billionths), the number of neighbours (u8), and for each neighbour its place (u16) and its share of
this skill's company (u16, of 65,535). Only skills of at least LEAST posts, only the COMPANY most frequent neighbours.
Standard library only; a few seconds.
"""
import collections, gzip, pathlib, struct, sys
from skills_sql import fold

HERE = pathlib.Path(__file__).resolve().parent.parent
LEAST, COMPANY = 5, 72


def posts(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="utf-8") as f:
        next(f)
        for line in f:
            names = (fold(s) for s in line.rstrip("\n").split("\t")[1].split("|"))
            yield sorted({n for n in names if n and "@" not in n and len(n) <= 60})


def main():
    lists = list(posts(sys.argv[1]))
    count = collections.Counter(s for p in lists for s in p)
    names = [s for s, n in sorted(count.items(), key=lambda x: (-x[1], x[0])) if n >= LEAST]
    place = {s: i for i, s in enumerate(names)}
    beside = [collections.Counter() for _ in names]
    for p in lists:
        known = [place[s] for s in p if s in place]
        for a in known:
            for b in known:
                if a != b:
                    beside[a][b] += 1
    total = sum(count[s] for s in names)
    out = bytearray()
    for at, name in enumerate(names):
        whole = sum(beside[at].values())
        kept = [(b, round(65535 * n / whole)) for b, n in sorted(beside[at].items(), key=lambda x: (-x[1], x[0]))[:COMPANY]]
        kept = [(b, s) for b, s in kept if s]
        out += struct.pack("<IB", round(1e9 * count[name] / total), len(kept))
        for b, share in kept:
            out += struct.pack("<HH", b, share)
    (HERE / "skill_graph_names.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    (HERE / "skill_graph.bin").write_bytes(out)
    print(len(lists), "posts,", len(names), "skills,", len(out), "bytes")


if __name__ == "__main__":
    main()
