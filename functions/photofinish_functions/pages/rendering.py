"""Renders the templates of pages in the language of the reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flask import Request, Response, make_response, render_template
from markupsafe import Markup

from photofinish_functions.access.cookies import session_of_cookie
from photofinish_functions.compression import compress
from photofinish_functions.pages.messages import DEFAULT, Catalogue
from photofinish_functions.pages.static_files import StaticFiles

_LANGUAGE = "language"
_YEAR_S = 365 * 24 * 3600


@dataclass(frozen=True, kw_only=True)
class Renderer:
    """Makes responses of templates."""

    static: StaticFiles
    catalogue: Catalogue
    headers: Callable[[Sequence[str]], Mapping[str, str]]
    """Of a page into which styles with these hashes are written."""

    def page(self, request: Request, template: str, *sections: str, status: int = 200, **values: object) -> Response:
        """Answer `request` with a template, which gets `values`, the messages of `sections` and `common`, and:

        `t(key, **values)` for a message, `static(name)` for the address of a file, `style(*names)` for style sheets to
        `t(key, **values)` for a message, `static(name)` for the address of a file, `style(*names)` for style sheets to
        write into the page, `modules(*names)` for the addresses of scripts and all that they import, `icon(name)` for a
        symbol, `messages` for scripts, `has_no_session` where the API need not be asked who is signed in.
        """
        language, styles = self.language_of(request), list[str]()

        def style(*names: str) -> Markup:
            written = self.static.style(*names)
            styles.append(written.source)
            return Markup("<style>{}</style>").format(Markup(written.text))  # noqa: S704  our own files

        messages = self.catalogue.of(language, "common", *sections)
        body = render_template(
            f"pages/{template}",
            t=_translate(messages),
            static=self.static.address,
            style=style,
            modules=self.static.modules,
            icon=self._icon,
            messages=messages,
            language=language,
            languages=self.catalogue.names(),
            has_no_session=has_no_session(request),
            **values,
        )
        answer = make_response(body, status)
        compress(answer, request)
        answer.headers.update(self.headers(styles))
        answer.headers["Content-Language"] = language
        if request.args.get("lang") in self.catalogue.languages:
            answer.set_cookie(
                _LANGUAGE, language, max_age=_YEAR_S, secure=request.is_secure, httponly=True, samesite="Lax"
            )
        return answer

    def _icon(self, name: str) -> Markup:
        """A symbol of `icons.svg`; decoration, so without a name for screen readers."""
        address = self.static.address("icons.svg")
        return Markup('<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>').format(address, name)

    def language_of(self, request: Request) -> str:
        """The language that the reader chose (`?lang=de`, remembered), or else the best that the browser asks for."""
        known = self.catalogue.languages
        for chosen in (request.args.get("lang"), request.cookies.get(_LANGUAGE)):
            if chosen is not None and chosen in known:
                return chosen
        return request.accept_languages.best_match(known) or DEFAULT


def has_no_session(request: Request) -> bool:
    """Whether the browser certainly has no session: it sent no cookie, though it would have sent one of any kind.

    After a link on another site it leaves out the cookie of an organiser (SameSite=Strict), but not from our pages.
    """
    sends_all_cookies = request.headers.get("Sec-Fetch-Site") in ("none", "same-origin")
    return sends_all_cookies and session_of_cookie(request) is None


def _translate(messages: Mapping[str, str]) -> Callable[..., str]:
    def translate(key: str, **values: object) -> str:
        return messages[key].format(**values)

    return translate
