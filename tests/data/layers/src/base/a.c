#include "base/a.h"
#include "core/model.h" /* planted */
#include <jansson.h>
#include <uv.h> /* planted */
