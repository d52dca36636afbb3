#!/usr/bin/env python3
"""tools/gen-config.py PENSTOCK [check]: write the table of keys in docs/configuration.md from what `penstock check --schema` says;
with "check", only say whether it is current."""
import json
import subprocess
import sys

DOC = "docs/configuration.md"
BEGIN, END = "<!-- keys: by tools/gen-config.py -->\n", "<!-- end of keys -->\n"


def kind(s):
    """What a value looks like, in the words of the page."""
    if "allOf" in s:  # read by hand: its own little schema
        return kind({**s["allOf"][0]})
    if "enum" in s:
        return " or ".join(f"`{v}`" for v in s["enum"])
    if "anyOf" in s:
        inner = s["anyOf"]
        if any(i.get("type") == "integer" for i in inner):
            return "size"
        if any(i.get("type") == "array" for i in inner):
            words = inner[0].get("enum")
            return "text or list" + (": " + ", ".join(f"`{w}`" for w in words) if words else "")
        return "map with one key, or its word"
    t = s.get("type")
    t = [t] if isinstance(t, str) else t or []
    if "integer" in t:
        return f"number, {s['minimum']} to {s['maximum']}" if s.get("minimum") != s.get("maximum") else f"number: {s['minimum']}"
    if t == ["boolean"]:
        return "true or false"
    if "array" in t and "object" not in t:
        return "list of maps" if "properties" in s.get("items", {}) else "text or list"
    if "object" in t:
        return "text or map" if "string" in t else "map"
    pattern = s.get("pattern", "")
    if "ms|s|m|h|d" in pattern:
        return "duration"
    if pattern.endswith("%$"):
        return "percentage"
    return "text"


def rows(prefix, schema, required, out):
    for name, s in schema.get("properties", {}).items():
        key = prefix + name
        text = s.get("description", "")
        text = text[:1].upper() + text[1:]
        if not text.endswith("."):
            text += "."
        if name in required:
            text += " **required**"
        out.append(f"| `{key}` | {kind(s)} | {text} |")
        below(key, s, out)


def below(key, s, out):
    for one in s.get("anyOf", []):
        below(key, one, out)
    if "properties" in s:
        rows(key + ".", s, s.get("required", []), out)
    more = s.get("additionalProperties")
    if isinstance(more, dict) and "properties" in more:
        if key in ("staging", "production"):  # jobs, as in ci
            out.append(f"| `{key}.NAME` | map | A job of the stage: keys as in `ci.NAME`. |")
        else:
            rows(key + ".NAME.", more, more.get("required", []), out)
    items = s.get("items")
    if isinstance(items, dict) and "properties" in items:
        rows(key + "[].", items, items.get("required", []), out)


def main():
    penstock = sys.argv[1]
    schema = json.loads(subprocess.run([penstock, "check", "--schema"], check=True, capture_output=True).stdout)
    out = ["| key | type | meaning, and what holds when it is not written |", "|---|---|---|"]
    rows("", schema, schema.get("required", []), out)
    with open(DOC, encoding="utf-8") as f:
        page = f.read()
    head, rest = page.split(BEGIN)
    tail = rest.split(END)[1]
    new = head + BEGIN + "\n".join(out) + "\n" + END + tail
    if new == page:
        return 0
    if len(sys.argv) > 2:
        print(f"{DOC} is not what penstock says: run tools/gen-config.py {penstock}")
        return 1
    with open(DOC, "w", encoding="utf-8") as f:
        f.write(new)
    return 0


sys.exit(main())
