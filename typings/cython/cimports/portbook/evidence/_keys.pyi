from portbook.evidence._keys import Keys as Keys
