"""Files held in memory: our own pages, and noVNC out of an archive."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Response

from ..errors import NotFound
from .mime import media_type
from .response import conditional


class MemoryFiles:
    """Contents by path, such as `/demo.js`; they do not change while we run."""

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self._contents = dict(contents)

    def __contains__(self, path: object) -> bool:
        return path in self._contents

    def respond(self, path: str, environ: dict[str, Any]) -> Response:
        """The file at that path.  Never switches.

        Raises `NotFound`, and the errors of `conditional`.
        """
        content = self._contents.get(path)
        if content is None:
            raise NotFound
        response = Response(content, content_type=media_type(path))
        response.set_etag(hashlib.sha256(content).hexdigest()[:16])
        # After an upgrade of ours each page must go with its own scripts.
        response.headers["Cache-Control"] = "no-cache"
        return conditional(response, environ, len(content))
