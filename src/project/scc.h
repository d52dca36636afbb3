/* Strongly connected components, by Tarjan's walk without recursion. */
#pragma once
#include <stdint.h>

/* n nodes; the neighbours of i are to[first[i]] .. to[first[i + 1] - 1]. ret_of[i]: the component of i, numbered so that what a
 * component leads to has a lower number. Returns how many there are. O(nodes + edges). */
uint32_t scc_find(uint32_t n, const uint32_t *first, const uint32_t *to, uint32_t *ret_of);
