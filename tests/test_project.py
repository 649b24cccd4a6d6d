"""The repository agrees with itself: versions, examples in the texts, nothing that belongs to one machine."""

import doctest
import pathlib
import re
import shutil
import subprocess
import tomllib

import matplotlib as mpl
import pytest

import manifold_scores as ms

ROOT = pathlib.Path(__file__).parents[1]
SKIPPED = {"build", "dist", "results", "figures", "__pycache__"}


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def _skipped(path):
    """Made by tools: caches, environments, results (.ci and .github are ours)."""
    return any(part in SKIPPED or (part[0] == "." and part not in {".ci", ".github"}) for part in path.parts[:-1])


def texts():
    """Every text file that belongs to the repository."""
    git = shutil.which("git")
    if git and (ROOT / ".git").exists():
        listed = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        output = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        paths = [ROOT / name for name in output.split("\0") if name]
    else:  # an unpacked archive
        paths = [path for path in ROOT.rglob("*") if not _skipped(path.relative_to(ROOT))]
    for path in paths:
        if path.is_file():
            try:
                yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def test_one_version():
    project = tomllib.loads(read("pyproject.toml"))["project"]
    assert project["version"] == ms.__version__
    assert re.search(rf"^version: {re.escape(ms.__version__)}$", read("CITATION.cff"), re.MULTILINE)
    releases = re.findall(r"^## (\S+)", read("CHANGELOG.md"), re.MULTILINE)
    assert releases[0] == ms.__version__


def test_one_licence():
    project = tomllib.loads(read("pyproject.toml"))["project"]
    assert project["license"] == "BSD-3-Clause"
    assert "license: BSD-3-Clause" in read("CITATION.cff")
    assert read("LICENSE").startswith("BSD 3-Clause License")


def test_the_changelog_has_a_place_for_numbers_that_change():
    for release in re.split(r"^## ", read("CHANGELOG.md"), flags=re.MULTILINE)[1:]:
        assert "### Numbers that change" in release


# Written in halves, or this file would find itself.
TREES = ["wo" + "rk", "ro" + "ot", "ho" + "me", "Us" + "ers", "t" + "mp"]
MACHINE = re.compile(rf"(?<![\w.}}~/-])/(?:{'|'.join(TREES)})/\w")


def test_no_path_of_one_machine():
    found = [(name, match[0]) for name, text in texts() for match in MACHINE.finditer(text)]
    assert found == []


@pytest.mark.parametrize("planted", ["see /wo" + "rk/main", 'open("/t' + 'mp/x")', "cd /ro" + "ot/a", "=/ho" + "me/me"])
def test_the_search_finds_planted_paths(planted):
    assert MACHINE.search(planted)


@pytest.mark.parametrize("innocent", ["https://a.org/work/x", "../shared", "tmp/x", "${HOME}/tmp/x", "a/home/b"])
def test_the_search_leaves_other_paths(innocent):
    assert not MACHINE.search(innocent)


def blocks(text, language="python"):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_readme_has_examples():
    assert blocks(read("README.md"))


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_examples_run(name, tmp_path, monkeypatch):
    # In the order in which a reader types them, in one session, away from the repository.
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.chdir(tmp_path)
    mpl.use("Agg")
    session = {"__name__": "__main__"}
    for block in blocks(read(name)):
        exec(compile(block, name, "exec"), session)


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_sessions_of_the_documentation_print_what_they_say(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    failed, tried = doctest.testfile(str(page), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert failed == 0
    assert tried > 0 or "```pycon" not in page.read_text()


def test_links_of_the_readme_lead_somewhere():
    targets = re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", read("README.md"))
    for target in targets:
        assert (ROOT / target).exists(), target


def test_local_links_of_the_documentation_lead_somewhere():
    for name, text in texts():
        if name.endswith(".md") and "/" in name:
            for target in re.findall(r"\]\((?!https?://|#|mailto:)([^)#\s]+)", text):
                assert ((ROOT / name).parent / target).exists(), f"{name}: {target}"


def test_modules_are_short():
    modules = {name: len(text.splitlines()) for name, text in texts() if name.endswith(".py")}
    assert {name: lines for name, lines in modules.items() if lines > 300 and name.startswith("manifold_scores/")} == {}
