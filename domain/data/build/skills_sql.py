#!/usr/bin/env python3
"""Writes the SQL that fills the tables skill and skill_alias from skills.tsv.

    python3 domain/data/build/skills_sql.py > migrations/sql/0002_skills.sql

Skills that come later go to the end of skills.tsv and to a migration of their own, by the slug they begin with:

    python3 domain/data/build/skills_sql.py coffeescript > migrations/sql/0063_more_skills.sql

Ids are made from the slug, so every database and every node gives a skill the same one:
the first 16 bytes of SHA-256("rabta skill " + slug), marked as a UUID of version 8.
`domain::matching::taxonomy` makes the same ids from the same file.
"""
import hashlib, pathlib, re, sys, unicodedata, uuid

HERE = pathlib.Path(__file__).resolve().parent.parent


def fold(text):
    """The form in which names are compared: lower case, no accents, words of a-z 0-9 + #."""
    text = unicodedata.normalize("NFKD", text.lower())
    text = "".join(c for c in text if not unicodedata.combining(c)).replace("'", "").replace("\u2019", "")
    text = re.sub(r"(^|[^a-z0-9])\.net\b", r"\1 dotnet ", text)
    return " ".join(re.findall(r"[a-z0-9+#]+", text))


def skill_id(slug):
    raw = bytearray(hashlib.sha256(("rabta skill " + slug).encode()).digest()[:16])
    raw[6] = (raw[6] & 0x0F) | 0x80
    raw[8] = (raw[8] & 0x3F) | 0x80
    return str(uuid.UUID(bytes=bytes(raw)))


def quote(text):
    return "'" + text.replace("'", "''") + "'"


TABLES = """-- The skills of the trade: what they are called, what else they are called, what they belong to.
-- Filled from domain/data/skills.tsv by domain/data/build/skills_sql.py; the ids are made from the slugs.

CREATE TABLE skill (
    id        uuid PRIMARY KEY,
    slug      text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    name      text NOT NULL UNIQUE CHECK (name <> ''),
    category  text NOT NULL CHECK (category <> ''),
    parent_id uuid REFERENCES skill (id) CHECK (parent_id <> id)
);
COMMENT ON TABLE skill IS 'The taxonomy. Written by migrations only; search over it happens in memory.';

-- Every name a skill answers to, its own among them, folded: lower case, words of a-z 0-9 + # with one space between.
CREATE TABLE skill_alias (
    alias    text PRIMARY KEY CHECK (alias ~ '^[a-z0-9+#]+( [a-z0-9+#]+)*$'),
    skill_id uuid NOT NULL REFERENCES skill (id)
);
CREATE INDEX skill_alias_skill_idx ON skill_alias (skill_id);
CREATE INDEX skill_parent_idx ON skill (parent_id);
"""


def main(first=None):
    skills, aliases, owner = [], [], {}
    for line in (HERE / "skills.tsv").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        slug, name, category, parent, other = line.split("\t")
        if slug == first:
            skills, aliases = [], []
        name = name.lstrip("?~")
        up = f"'{skill_id(parent)}'" if parent else "NULL"
        skills.append(f"('{skill_id(slug)}', {quote(slug)}, {quote(name)}, {quote(category)}, {up})")
        for text in [name, *filter(None, other.split("|"))]:
            key = fold(text.lstrip("?~"))
            if owner.setdefault(key, slug) != slug:
                raise SystemExit(f"{key!r} names both {owner[key]} and {slug}")
            row = f"({quote(key)}, '{skill_id(slug)}')"
            if row not in aliases:
                aliases.append(row)
    if first is None:
        print(TABLES)
    else:
        print("-- More skills of the trade, from domain/data/skills.tsv by domain/data/build/skills_sql.py.\n")
    print("INSERT INTO skill (id, slug, name, category, parent_id) VALUES\n" + ",\n".join(skills) + ";\n")
    print("INSERT INTO skill_alias (alias, skill_id) VALUES\n" + ",\n".join(aliases) + ";")


if __name__ == "__main__":
    main(*sys.argv[1:2])
