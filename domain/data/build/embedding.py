#!/usr/bin/env python3
"""Makes the embedding table from the vectors of encode.py: PCA, SIF weights, ridge regression, eight bits.

    python3 embedding.py VECTORS_DIR

Needs numpy and scipy; about a minute. Writes embedding_words.txt (line i names row i) and embedding.bin (each row: the
word's weight as u16, then 128 signed bytes). A text's embedding is the direction of the weighted sum of its rows.

1. PCA of the texts' vectors to 128 numbers. 2. A word's weight is a/(a+p), a = 1e-3, p its share of all tokens.
3. Ridge regression solves for the rows such that each text's weighted mean comes out as the text's vector; rows
of rare words stay near the vector of the word itself.
"""
import collections, json, pathlib, re, sys
import numpy as np
import scipy.sparse as sparse
import vocabulary

HERE = pathlib.Path(__file__).resolve().parent.parent
DIMENSIONS, SIF, RIDGE, ROUNDS = 128, 1e-3, 0.3, 40


def rows_of(text, place):
    cut, out, at = vocabulary.tokens(text), [], 0
    while at < len(cut):
        for length in (3, 2):
            phrase = " ".join(cut[at:at + length])
            if at + length <= len(cut) and phrase in place:
                out.append(place[phrase])
                at += length
                break
        else:
            if cut[at] in place:
                out.append(place[cut[at]])
            else:
                for part in re.split(r"[.\-/&']", cut[at]):
                    row = place.get(part, place.get(part[:-1]) if part.endswith("s") else None)
                    if row is not None:
                        out.append(row)
            at += 1
    return out


def main():
    folder = pathlib.Path(sys.argv[1])
    kept = json.load(open(folder / "texts.json"))
    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    words = kept["words"]
    place = {w: i for i, w in enumerate(words)}
    at = {t: i for i, t in enumerate(kept["texts"])}
    corpus = kept["texts"][:kept["corpus"]]
    cut = [rows_of(t, place) for t in corpus]
    use = [i for i, c in enumerate(cut) if c and vectors[i].any()]
    target = np.asarray(vectors[use], np.float32)
    mean = target.mean(0)
    sample = target[:: max(1, len(target) // 60000)] - mean
    values, basis = np.linalg.eigh(sample.T @ sample)
    basis = basis[:, ::-1][:, :DIMENSIONS]
    target = (target - mean) @ basis
    target /= np.maximum(np.linalg.norm(target, axis=1, keepdims=True), 1e-6)
    start = (np.asarray(vectors[[at[w] for w in words]], np.float32) - mean) @ basis
    start /= np.maximum(np.linalg.norm(start, axis=1, keepdims=True), 1e-6)

    count = np.zeros(len(words))
    for c in cut:
        np.add.at(count, c, 1)
    weight = (SIF / (SIF + count / count.sum())).astype(np.float32)
    r, c, v = [], [], []
    for row, i in enumerate(use):
        tokens = collections.Counter(cut[i])
        total = sum(weight[t] * n for t, n in tokens.items())
        for t, n in tokens.items():
            r.append(row), c.append(t), v.append(weight[t] * n / total)
    mix = sparse.csr_matrix((np.array(v, np.float32), (r, c)), shape=(len(use), len(words)))

    # Conjugate gradients on (AᵀA + λ) x = Aᵀ y + λ x0, all columns at once.
    back = mix.T.tocsr()
    apply = lambda x: back @ (mix @ x) + RIDGE * x
    x = start.copy()
    residual = back @ target + RIDGE * start - apply(x)
    step = residual.copy()
    norm = (residual ** 2).sum(0)
    for _ in range(ROUNDS):
        moved = apply(step)
        alpha = norm / np.maximum((step * moved).sum(0), 1e-12)
        x += alpha * step
        residual -= alpha * moved
        after = (residual ** 2).sum(0)
        step = residual + (after / np.maximum(norm, 1e-12)) * step
        norm = after

    largest = np.maximum(np.abs(x).max(1), 1e-9)
    rows = np.round(x / largest[:, None] * 127).astype(np.int8)
    factor = weight * largest
    whole = np.maximum(1, np.round(factor / factor.max() * 65535)).astype("<u2")
    packed = np.zeros((len(words), 2 + DIMENSIONS), np.uint8)
    packed[:, :2] = whole.view(np.uint8).reshape(-1, 2)
    packed[:, 2:] = rows.view(np.uint8)
    (HERE / "embedding.bin").write_bytes(packed.tobytes())
    (HERE / "embedding_words.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    made = mix @ x
    made /= np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-6)
    print(len(use), "texts,", len(words), "rows, mean cosine with the text's own vector", float((made * target).sum(1).mean()))


if __name__ == "__main__":
    main()
