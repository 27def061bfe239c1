"""Languages of the web interface: what is said in each, and how it writes dates and numbers.

Adding one is one catalogue, `TAG.po` in this folder (docs/languages.md): the folder is searched,
and no list of languages stands anywhere in the code. Formats and plural forms come from CLDR.
"""

from portbook.faces.languages.catalogues import SOURCE
from portbook.faces.languages.choosing import choose
from portbook.faces.languages.found import languages
from portbook.faces.languages.language import Language
from portbook.faces.languages.pseudo import PSEUDO, pseudo

__all__ = ["PSEUDO", "SOURCE", "Language", "choose", "languages", "pseudo"]
