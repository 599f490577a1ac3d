from pnstrial.survival.kaplan_meier import *
from pnstrial.survival.logrank import *
