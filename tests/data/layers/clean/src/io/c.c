#include "base/a.h"
#include <uv.h>
