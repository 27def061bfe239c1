"""The eyes of the tests see: whatever a page does wrong fails its test, and right pages pass."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from support.browser import DESKTOP, PHONE, Chromium, Reader
from support.looking import accessible, boxes, fits, overlaps
from support.pages import Answer, serving

ICON = '<link rel="icon" href="/icon.svg">'


def page(body: str, head: str = "") -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A page</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"{ICON}{head}</head><body><main><h1>A page</h1>{body}</main></body></html>"
    )


def styled(css: str, body: str) -> dict[str, Answer | str]:
    return {"/": page(body, '<link rel="stylesheet" href="/a.css">'), "/a.css": css, **FILES}


FILES: dict[str, Answer | str] = {
    "/icon.svg": '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"></svg>',
    "/change.js": "document.querySelector('h1').textContent = 'Changed by a script';",
    "/fail.js": "setTimeout(() => { throw new Error('the script breaks'); });",
    "/speak.js": "console.error('something is odd');",
    "/ask.js": "fetch('http://portbook.example/'); alert('hello');",
}
ANSWERS: dict[str, Answer | str] = {
    **FILES,
    "/": page("<p>All is well.</p>"),
    "/change": page('<script src="/change.js"></script>'),
    "/fail": page('<script src="/fail.js"></script>'),
    "/speak": page('<script src="/speak.js"></script>'),
    "/inline": page("<script>1</script><p style='color: red'>Red</p>"),
    "/ask": Answer(page('<script src="/ask.js"></script>'), policy="default-src * 'self'"),
    "/part": page('<img src="/nothing.svg" alt="nothing">'),
    "/broken": Answer(page("<p>It broke.</p>"), status=500),
    "/tall": page('<div><p>Look <a href="#end">down</a></p></div>'),
    "/poor": page('<img src="/icon.svg"><p id="end"><a href="/"></a></p>'),
}


@pytest.fixture(scope="module")
def home() -> Iterator[str]:
    with serving(ANSWERS) as address:
        yield address


@pytest.mark.parametrize("reader", [DESKTOP, PHONE], ids=lambda one: one.name)
def test_a_page_without_fault_passes_every_look(
    chromium: Chromium, home: str, reader: Reader
) -> None:
    with chromium.reading(reader, home=home) as seen:
        seen.goto("/")
        fits(seen)

        assert accessible(seen) == []


@pytest.mark.parametrize(
    ("path", "scripts", "told"),
    [
        ("/fail", True, "script: .*the script breaks"),
        ("/speak", True, "console: something is odd"),
        ("/inline", True, "console: .*inline"),
        ("/inline", False, "console: .*inline"),
        ("/ask", True, "somebody else is asked: GET http://portbook.example/"),
        ("/ask", True, r"dialog \(alert\): hello"),
        ("/part", True, "GET .*nothing.svg: 404"),
        ("/part", False, "GET .*nothing.svg: 404"),
        ("/broken", True, "GET .*/broken: 500"),
    ],
)
def test_whatever_goes_wrong_in_a_page_fails_its_test(
    chromium: Chromium, home: str, path: str, scripts: bool, told: str
) -> None:
    with (
        pytest.raises(AssertionError, match=told),
        chromium.reading(DESKTOP._replace(scripts=scripts), home=home) as seen,
    ):
        seen.goto(path)


def test_what_a_test_allows_does_not_fail_it(chromium: Chromium, home: str) -> None:
    with chromium.reading(home=home, allowed=("console: something", "nowhere")) as seen:
        seen.goto("/speak")
        seen.goto("/nowhere")


def test_a_reader_without_scripts_has_none(chromium: Chromium, home: str) -> None:
    told = []
    for scripts in (True, False):
        with chromium.reading(DESKTOP._replace(scripts=scripts), home=home) as seen:
            seen.goto("/change")
            told.append(seen.locator("h1").inner_text())

    assert told == ["Changed by a script", "A page"]


def test_a_reader_has_a_language_a_width_and_wishes(chromium: Chromium, home: str) -> None:
    reader = PHONE._replace(language="zh-TW", dark=True, still=True)
    with chromium.reading(reader, home=home) as seen:
        seen.goto("/")
        told = seen.evaluate(
            """() => [navigator.language, innerWidth,
                matchMedia('(prefers-color-scheme: dark)').matches,
                matchMedia('(prefers-reduced-motion: reduce)').matches]"""
        )

        assert ["zh-TW", 390, True, True] == told


def test_others_have_their_own_event_loops_beside_the_browser(
    chromium: Chromium, home: str
) -> None:
    for _ in range(2):
        with chromium.reading(home=home) as seen:
            seen.goto("/")

        assert asyncio.run(asyncio.sleep(0, "done")) == "done"


def test_axe_tells_what_is_wrong_and_where(chromium: Chromium, home: str) -> None:
    with chromium.reading(home=home) as seen:
        seen.goto("/poor")
        with pytest.raises(AssertionError) as failed:
            accessible(seen)
        with pytest.raises(AssertionError) as second:
            accessible(seen, but=["link-name"])

    assert "image-alt (critical) at img" in str(failed.value)
    assert "link-name (serious) at a" in str(failed.value)
    assert "link-name" not in str(second.value)


@pytest.mark.parametrize("scripts", [True, False])
def test_looks_need_no_scripts_of_the_page(chromium: Chromium, home: str, scripts: bool) -> None:
    with chromium.reading(DESKTOP._replace(scripts=scripts), home=home) as seen:
        seen.goto("/tall")
        fits(seen)
        accessible(seen)
        seen.goto("/change")
        told = seen.locator("h1").inner_text()

    assert ("Changed by a script" if scripts else "A page") == told


@pytest.mark.parametrize(
    ("css", "body", "told"),
    [
        ("p { width: 900px }", "<p>Wide</p>", "it is 9.. pixels wide"),
        ("p { white-space: nowrap }", f"<p>{'long ' * 40}</p>", "beyond the right edge: 'long"),
        (
            "p { width: 40px; overflow: hidden; white-space: nowrap }",
            "<p>This is cut off</p>",
            "cut off: 'This is cut off' in .*p, by .*p",
        ),
        ("p { height: 30px; overflow: clip }", "<p>One<br>two<br>three</p>", "cut off: 'three'"),
        ("p { position: absolute; left: -200px }", "<p>Gone</p>", "'Gone' in .*outside the page"),
        ("p { margin: -12px 0 }", "<p>Upper text</p><p>Lower text</p>", "text on text: 'Upper"),
        (
            "a { display: inline-block; padding: 20px; margin: -15px }",
            "<a href='/'>Left</a> <a href='/'>Right</a>",
            "control on control: 'Left' .*'Right'",
        ),
        (
            "",
            '<svg width="90" height="20"><text x="60" y="15">Label of it</text></svg>',
            "cut off: 'Label of it' in .*text, by .*svg",
        ),
    ],
)
def test_what_does_not_fit_a_phone_is_told(
    chromium: Chromium, css: str, body: str, told: str
) -> None:
    with serving(styled(css, body)) as home, chromium.reading(PHONE, home=home) as seen:
        seen.goto("/")
        with pytest.raises(AssertionError, match=told):
            fits(seen)


@pytest.mark.parametrize(
    ("css", "body"),
    [
        (
            "div { overflow-x: auto } table { white-space: nowrap }",
            f"<p>Left</p><div tabindex=0><table><tr><td>{'wide ' * 60}</table></div>",
        ),
        (
            "span { position: absolute; width: 1px; height: 1px; overflow: hidden;"
            " clip-path: inset(50%); white-space: nowrap }",
            "<p>Seen<span>only heard, however long it may be</span></p>",
        ),
        (
            "p { overflow: hidden; text-overflow: ellipsis; white-space: nowrap }",
            f"<p title='all of it'>{'shortened ' * 20}</p>",
        ),
        ("a { position: absolute; top: -99px }", "<a href='#main'>Skip</a><p id='main'>Here</p>"),
        ("p { line-height: 1 }", f"<p>{'close lines ' * 30}</p>"),
        (
            "nav { position: sticky; top: 0 } main { margin-top: -20px }",
            "<nav>Stays</nav><p>Moves</p>",
        ),
        ("", "<details><summary>More</summary><p>Not yet shown</p></details><p>Next</p>"),
        ("p { opacity: 0; margin: -20px 0 }", "<p>Nobody</p><p>sees this</p>"),
    ],
)
def test_what_fits_a_phone_passes(chromium: Chromium, css: str, body: str) -> None:
    with serving(styled(css, body)) as home, chromium.reading(PHONE, home=home) as seen:
        seen.goto("/")
        fits(seen)


def test_boxes_of_a_drawing_are_told_and_compared(chromium: Chromium) -> None:
    drawing = "".join(
        f'<text x="{x}" y="{y}">{word}</text>'
        for x, y, word in ((10, 20, "first"), (20, 25, "second"), (200, 90, "third"))
    )
    body = f'<svg width="300" height="100">{drawing}</svg>'
    with serving(styled("", body)) as home, chromium.reading(home=home) as seen:
        seen.goto("/")
        found = boxes(seen, "svg text")

    assert [one.text for one in found] == ["first", "second", "third"]
    assert [("first", "second")] == [(one.text, two.text) for one, two in overlaps(found)]
