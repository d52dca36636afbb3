#include <string.h> /* planted */
