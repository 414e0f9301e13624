"""Makes a C++ table of FHIR definitions: embed_definitions.py OUT.cpp FILE.json…  Standard library only."""

import json
import sys


def main() -> None:
    target, files = sys.argv[1], sys.argv[2:]
    lines = ['#include "edge/fhir/definitions.h"', "", "namespace careledger::edge::fhir {", "const Definition kDefinitions[] = {"]
    for path in sorted(files):
        with open(path, encoding="utf-8") as source:
            resource = json.load(source)
        text = json.dumps(resource, ensure_ascii=True, separators=(",", ":"))
        names = ", ".join(json.dumps(resource.get(name, "")) for name in ("resourceType", "id", "url", "code"))
        lines.append(f"    {{{names}, {json.dumps(text)}}},")
    lines += ["};", f"const std::size_t kDefinitionCount = {len(files)};", "}  // namespace careledger::edge::fhir", ""]
    with open(target, "w", encoding="utf-8") as out:
        out.write("\n".join(lines))


if __name__ == "__main__":
    main()
