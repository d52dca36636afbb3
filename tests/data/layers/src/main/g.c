#include "core/step.h"
#include "flow/1-source/d.h"
#include "engine/f.h"
