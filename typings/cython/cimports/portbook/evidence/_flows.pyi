from portbook.evidence._flows import Flows as Flows
