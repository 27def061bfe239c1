from portbook.evidence._heads import Heads as Heads
