#include "core/step.h"
#include "flow/1-source/d.h" /* planted */
#include "main/wire.h"       /* planted */
