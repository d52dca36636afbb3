#include "engine/f.h" /* planted */
