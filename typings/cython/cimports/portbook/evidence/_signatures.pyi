from portbook.evidence._signatures import Signatures as Signatures
