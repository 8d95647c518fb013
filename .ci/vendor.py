"""Remake static/vendor from npm packages: ``python .ci/vendor.py NODE_MODULES``.

Install the packages of FILES and BUNDLED, ``@tabler/icons`` and ``esbuild`` with npm into a scratch
folder first, in the versions that ``manifest.json`` records, and list icons in
``static/vendor/icons.txt``. Writes the files and ``manifest.json``, whose hashes a test compares.
"""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

VENDOR = Path(__file__).resolve().parent.parent / "static" / "vendor"
FILES = {
    "tabler.min.css": ("@tabler/core", "dist/css/tabler.min.css"),
    "inter-latin.woff2": ("@fontsource-variable/inter", "files/inter-latin-wght-normal.woff2"),
    "jetbrains-mono-latin.woff2": (
        "@fontsource-variable/jetbrains-mono",
        "files/jetbrains-mono-latin-wght-normal.woff2",
    ),
}
EDITOR = "codemirror.min.js"
SOURCES = Path(__file__).resolve().parent / "codemirror"
ICONS = (VENDOR / "icons.txt").read_text().split()


def symbol(name: str, source: str) -> str:
    """Turn one outline icon into a symbol that draws in the text's colour."""
    body = re.search(r"<svg[^>]*>(.*)</svg>", source, re.S)
    if body is None:
        raise ValueError(f"{name}: not an SVG")
    inner = re.sub(r"\s+", " ", body[1]).strip()
    return f'<symbol id="{name}" viewBox="0 0 24 24">{inner}</symbol>'


def version_of(modules: Path, package: str) -> str:
    """Return the version that is installed."""
    return str(json.loads((modules / package / "package.json").read_text())["version"])


def bundle(modules: Path) -> list[str]:
    """Join CodeMirror into one module and return the packages that are in it, with versions."""
    with tempfile.TemporaryDirectory(dir=modules.parent) as folder:
        for source in SOURCES.glob("*.js"):
            shutil.copy(source, folder)
        subprocess.run(
            [
                modules / ".bin/esbuild", "entry.js", "--bundle", "--minify", "--format=esm",
                "--target=es2022", "--legal-comments=none", "--metafile=meta.json",
                "--alias:@codemirror/lang-html=./prose.js", f"--outfile={VENDOR / EDITOR}",
            ],
            cwd=folder,
            check=True,
        )  # fmt: skip
        inputs = json.loads((Path(folder) / "meta.json").read_text())["inputs"]
    found = {re.search(r"node_modules/((?:@[^/]+/)?[^/]+)/", path) for path in inputs}
    return sorted(each[1] for each in found if each)


def main(modules: Path) -> None:
    """Copy the files, join the icons into one sprite and record where each came from."""
    VENDOR.mkdir(parents=True, exist_ok=True)
    (VENDOR / "licences").mkdir(exist_ok=True)
    entries = []

    def record(package: str, file: str) -> None:
        about = json.loads((modules / package / "package.json").read_text())
        if (modules / package / "LICENSE").exists():
            text = f"licences/{package.removeprefix('@').replace('/', '-')}.txt"
            shutil.copyfile(modules / package / "LICENSE", VENDOR / text)
        digest = hashlib.sha256((VENDOR / file).read_bytes()).hexdigest()
        entries.append(
            {
                "name": package,
                "version": about["version"],
                "licence": about["license"],
                "file": file,
                "sha256": digest,
            }
        )

    for file, (package, path) in FILES.items():
        if file.endswith(".css"):
            text = (modules / package / path).read_text()
            (VENDOR / file).write_text(re.sub(r"\n?/\*# sourceMappingURL=.*?\*/", "", text))
        else:
            shutil.copyfile(modules / package / path, VENDOR / file)
        record(package, file)
    outline = modules / "@tabler/icons/icons/outline"
    symbols = [symbol(name, (outline / f"{name}.svg").read_text()) for name in sorted(set(ICONS))]
    sprite = '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"
    (VENDOR / "icons.svg").write_text(sprite)
    record("@tabler/icons", "icons.svg")
    packages = bundle(modules)
    about = {name: json.loads((modules / name / "package.json").read_text()) for name in packages}
    licences = [
        f"{name} {about[name]['version']}\n\n{(modules / name / 'LICENSE').read_text()}"
        for name in packages
    ]
    (VENDOR / "licences/codemirror.txt").write_text("\n\n".join(licences))
    entries.append(
        {
            "name": "codemirror",
            "version": about["@codemirror/view"]["version"],
            "licence": " AND ".join(sorted({about[name]["license"] for name in packages})),
            "file": EDITOR,
            "sha256": hashlib.sha256((VENDOR / EDITOR).read_bytes()).hexdigest(),
            "packages": [f"{name}@{about[name]['version']}" for name in packages],
            "made_with": [f"esbuild@{version_of(modules, 'esbuild')}"],
        }
    )
    (VENDOR / "manifest.json").write_text(json.dumps(entries, indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
