#!/usr/bin/env python3
"""Writes esco_skills.tsv: ESCO's skills and up to three other labels of each that bring a new word.

    RABTA_PACKAGES=… python3 esco_skills.py
"""
import re
import texts

KEPT = 3


def stems(text):
    return {re.sub(r"(ing|es|s|ed|e)$", "", w) for w in re.findall(r"[a-z0-9+#]+", text.lower())}


def main():
    lines = []
    for _, label, others, _ in texts.esco_skills():
        known, kept = stems(label), []
        for other in others:
            other = " ".join(other.replace("|", " ").split())
            if len(kept) < KEPT and 1 < len(other) < 90 and stems(other) - known:
                kept.append(other)
        if kept:
            lines.append(f"{label}\t{'|'.join(kept)}")
    lines.sort()
    head = "# ESCO v1.1, European Commission, CC BY 4.0: labels of skills, a tab, other labels. See DATA.md.\n"
    (texts.HERE / "esco_skills.tsv").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    print(len(lines), "skills")


if __name__ == "__main__":
    main()
