#include "base/a.h"
#include "core/model.h"
#include "io/loop.h" /* planted */
#include <jansson.h> /* planted */
#include <string.h>
/* #include "io/loop.h" is only talk */
