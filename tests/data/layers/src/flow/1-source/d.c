#include "core/model.h"
#include "core/step.h"      /* planted */
#include "flow/2-build/e.h" /* planted */
#include "io/loop.h"
