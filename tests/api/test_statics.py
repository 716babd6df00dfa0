"""The static files: one style sheet, versioned addresses, compressed, and no script in a page but ours."""

import re
from pathlib import Path

import pytest

from tests.house import in_process
from ticketflow.files import folder
from ticketflow.settings import Settings
from ticketflow.web.bundling import bundle, parts_of
from ticketflow.web.statics import AGAIN, FOR_EVER, SHEETS, Statics


async def test_each_address_in_a_page_is_there_for_ever_and_small(settings: Settings):
    async with in_process(settings) as house, house.visitor() as visitor:
        page = (await visitor.get("/")).text
        addresses = set(re.findall(r'"(/static/[^"]+\?v=[^"]+)"', page))
        assert {address.partition("?")[0] for address in addresses} >= {
            "/static/site.css",
            "/static/js/page.js",
        }
        for address in addresses:
            found = await visitor.get(address)
            assert (found.status_code, found.headers["Cache-Control"]) == (200, FOR_EVER), address
            assert found.headers["Vary"] == "Accept-Encoding"
        style = await visitor.get("/static/site.css", headers={"Accept-Encoding": "gzip"})
        assert (style.headers["Content-Encoding"], style.headers["Cache-Control"]) == ("gzip", AGAIN)
        plain = await visitor.get("/static/site.css", headers={"Accept-Encoding": "identity"})
        assert "Content-Encoding" not in plain.headers
        assert plain.text == style.text
        assert "\n@layer tokens {\n:root {" in plain.text
        assert "/*" not in plain.text
        assert plain.headers["ETag"] != style.headers["ETag"]
        known = await visitor.get("/static/site.css", headers={"If-None-Match": style.headers["ETag"]})
        assert known.status_code == 304
        for name in ("no.css", "../pyproject.toml", "css/base.css"):
            assert (await visitor.get(f"/static/{name}")).status_code == 404


def test_a_sheet_that_nobody_joins_is_missed(tmp_path: Path):
    for sheet in [*SHEETS, "forgotten"]:
        (tmp_path / "css").mkdir(exist_ok=True)
        (tmp_path / f"css/{sheet}.css").write_text("")
    (tmp_path / "js").mkdir()
    (tmp_path / "js/theme-boot.js").write_text("")
    with pytest.raises(ValueError, match="forgotten"):
        Statics(tmp_path)


def test_an_asset_that_is_not_there_is_said_when_the_page_is_made():
    with pytest.raises(KeyError):
        Statics(folder("static")).asset("js/no-such.js")


MODULES = {
    "shared": "export const one = 1;\n",
    "low": 'import { one } from "./shared.js";\nconst own = one;\nexport const low = () => own;\n',
    "mid": 'import { low } from "./low.js";\nconst own = 2;\nexport class Two {}\nexport function two() {}\n',
    "top": 'import { Two, two } from "./mid.js";\nimport { low } from "./low.js";\nexport const own = 3;\n',
}


def test_modules_of_one_page_are_joined_and_their_own_names_stay_theirs():
    parts = parts_of(MODULES, "top", ["shared"])
    assert parts == ["low", "mid", "top"]
    assert bundle(MODULES, parts).split("\n") == [
        'import * as $shared from "./shared.js";',
        "const $low = (() => {",
        *(
            "const { one } = $shared;",
            "const own = one;",
            "const low = () => own;",
            "return { low };",
            "})();",
        ),
        "const $mid = (() => {",
        *("const { low } = $low;", "const own = 2;", "class Two {}", "function two() {}"),
        *("return { Two, two };", "})();"),
        "const { Two, two } = $mid;",
        *("const { low } = $low;", "export const own = 3;", ""),
    ]


@pytest.mark.parametrize("words", ["export { own };", "export default 1;", 'import x from "./shared.js";'])
def test_what_cannot_be_joined_is_said(words: str):
    with pytest.raises(ValueError, match=r"low\.js cannot be joined"):
        bundle(MODULES | {"low": f"{words}\n{MODULES['low']}"}, ["low", "top"])


def test_a_module_that_other_pages_need_too_is_not_joined_away(tmp_path: Path):
    for sheet in SHEETS:
        (tmp_path / "css").mkdir(exist_ok=True)
        (tmp_path / f"css/{sheet}.css").write_text("")
    (tmp_path / "js").mkdir()
    texts = {"control-room": 'import { x } from "./chart.js";\n', "chart": "export const x = 1;\n"}
    for name, text in {**texts, "theme-boot": "", "mail-desk": texts["control-room"]}.items():
        (tmp_path / f"js/{name}.js").write_text(text)
    with pytest.raises(ValueError, match=r"mail-desk\.js needs chart"):
        Statics(tmp_path)
