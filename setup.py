"""The optional compiled modules; everything else stands in pyproject.toml.

A failed compile is no failed install: plain modules stand in, with the same interfaces.
"""

from Cython.Build import cythonize
from setuptools import Extension, setup

KERNEL = (
    "evidence._heads",
    "evidence._keys",
    "evidence._signatures",
    "evidence._flows",
    "evidence._packets",
    "evidence._scanning",
    "evidence._moulds",
    "evidence._folding",
    "seismic._steim",
    "seismic._swap",
)
modules = cythonize(
    [
        Extension(
            f"portbook.{name}",
            [f"src/portbook/{name.replace('.', '/')}.py"],
            define_macros=[("Py_LIMITED_API", "0x030B0000"), ("CYTHON_LIMITED_API", "1")],
            py_limited_api=True,
            extra_compile_args=["-g0"],
        )
        for name in KERNEL
    ],
    build_dir="build",
    include_path=["src"],
    language_level=3,
)
for module in modules:
    module.optional = True  # cythonize drops this flag when it is given to Extension
setup(ext_modules=modules, options={"bdist_wheel": {"py_limited_api": "cp311"}})
