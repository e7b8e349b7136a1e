"""Metadata stands in pyproject.toml; this file is where compiled parts are declared."""

from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

HERE = Path(__file__).parent
PACKAGE = "wsproxy_gevent"


def extension(source: Path) -> Extension:
    """The compiled twin that this file makes."""
    relative = source.relative_to(HERE)
    return Extension(
        ".".join(relative.with_suffix("").parts),
        [str(relative)],
        include_dirs=[str(relative.parent)],
        depends=[str(header.relative_to(HERE)) for header in source.parent.glob("*.h")],
        extra_compile_args=["-O3"],
    )


# No module: a library to be preloaded, for which this is where one is compiled.
REBIND = Extension(
    f"{PACKAGE}._rebind", [f"{PACKAGE}/rebind.c"], libraries=["dl"], extra_compile_args=["-O2"]
)


def extensions() -> list[Extension]:
    """All of them; without a compiler the package is installed without them."""
    built: list[Extension] = cythonize(  # type: ignore[no-untyped-call, unused-ignore]
        [extension(source) for source in sorted((HERE / PACKAGE).rglob("*.pyx"))],
        build_dir="build",
        compiler_directives={"language_level": 3, "embedsignature": False},
    )
    for each in (*built, REBIND):
        each.optional = True  # cythonize drops what was said before
    return [*built, REBIND]


setup(ext_modules=extensions())
