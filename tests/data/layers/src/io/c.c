#include "base/a.h"
#include "../core/model.h" /* planted */
#include "loop.h"
#include <uv.h>
