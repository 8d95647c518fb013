"""What the browser is given: vendored files as they were published, nothing from elsewhere."""

import gzip
import hashlib
import json
import re
from pathlib import Path

import django_htmx

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "static"
VENDOR = STATIC / "vendor"
OURS = [*ROOT.glob("templates/**/*.html"), *ROOT.glob("static/css/*.css")]
SCRIPTS = [*ROOT.glob("static/js/*.js")]


def test_it_serves_vendored_files_as_the_manifest_records_them() -> None:
    manifest = json.loads((VENDOR / "manifest.json").read_text())

    for entry in manifest:
        digest = hashlib.sha256((VENDOR / entry["file"]).read_bytes()).hexdigest()
        assert digest == entry["sha256"], entry["file"]
        assert all(entry[key] for key in ("name", "version", "licence"))
    kinds = {".css", ".js", ".svg", ".woff2"}
    served = {path.name for path in VENDOR.iterdir() if path.suffix in kinds}
    assert served == {entry["file"] for entry in manifest}


def test_it_has_every_icon_that_a_template_asks_for() -> None:
    known = set((VENDOR / "icons.txt").read_text().split())
    sprite = (VENDOR / "icons.svg").read_text()
    pattern = re.compile(r"""\{%\s*icon\s+["']([a-z0-9-]+)["']|with icon=["']([a-z0-9-]+)["']""")

    for path in OURS:
        for one, other in pattern.findall(path.read_text()):
            assert (one or other) in known, f"{path.name} draws {one or other}"
    assert all(f'id="{name}"' in sprite for name in known)


def test_it_has_no_inline_script_or_style_since_the_policy_refuses_them() -> None:
    for path in ROOT.glob("templates/**/*.html"):
        text = path.read_text()
        assert not re.search(r"\sstyle=", text), path
        assert not re.search(r"<style", text), path
        assert not re.search(r"\son[a-z]+=[\"']", text), path
        assert not re.search(r"<script(?![^>]*\ssrc=)", text), path
        assert "javascript:" not in text, path


def test_it_asks_no_other_host_for_anything() -> None:
    for path in [*OURS, *SCRIPTS]:
        text = path.read_text()
        assert not re.search(r"""(src|href)=["']https?://""", text), path
        assert not re.search(r"""(url\(|import\s+.*|fetch\()["']https?://""", text), path


def test_it_stays_under_300_kb_when_everything_of_the_chat_is_loaded() -> None:
    htmx = Path(django_htmx.__file__).parent / "static/django_htmx/htmx-2.min.js"
    loaded = [
        *STATIC.glob("css/*.css"),
        *SCRIPTS,
        *(path for path in VENDOR.iterdir() if path.suffix in {".css", ".svg"}),
        htmx,
    ]

    weight = sum(len(gzip.compress(path.read_bytes(), 9)) for path in loaded)
    weight += sum(path.stat().st_size for path in VENDOR.glob("*.woff2"))

    assert weight < 300_000, f"{weight} bytes compressed"


def test_it_loads_codemirror_only_where_something_is_edited() -> None:
    weight = len(gzip.compress((VENDOR / "codemirror.min.js").read_bytes(), 9))
    askers = {path.name for path in SCRIPTS if "codemirror.min.js" in path.read_text()}

    assert weight < 200_000, f"{weight} bytes compressed"
    colours = {path.name for path in SCRIPTS if "jinja-colours.js" in path.read_text()}
    assert askers == {"code-editor.js", "jinja-colours.js"}
    assert colours == {"code-editor.js"}
    assert not any("codemirror" in path.read_text() for path in OURS)


def test_it_names_every_package_in_codemirror_with_its_version_and_licence() -> None:
    manifest = json.loads((VENDOR / "manifest.json").read_text())
    entry = next(each for each in manifest if each["name"] == "codemirror")
    licences = (VENDOR / "licences/codemirror.txt").read_text()

    assert len(entry["packages"]) > 10
    for package in entry["packages"]:
        name, _, version = package.rpartition("@")
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
        assert f"{name} {version}\n" in licences


def test_it_documents_its_component_classes() -> None:
    css = (STATIC / "css/playground.css").read_text()
    head = css.split("*/", 1)[0]

    for name in (
        "page-head",
        "toolbar",
        "data-table",
        "chip",
        "badge2",
        "status",
        "empty",
        "field",
    ):
        assert name in head
