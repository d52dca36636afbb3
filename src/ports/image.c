#include "ports/image.h"

static const struct shape_field fields[] = {
	SHAPE_STR(struct image_root, digest),
	SHAPE_STR(struct image_root, path),
	SHAPE_LIST(struct image_root, env, shape_pair),
	SHAPE_STRS(struct image_root, entrypoint),
	SHAPE_STRS(struct image_root, cmd),
	SHAPE_STR(struct image_root, cwd),
	SHAPE_STR(struct image_root, user),
	SHAPE_U32(struct image_root, uid),
	SHAPE_U32(struct image_root, gid),
};
const struct shape shape_image_root = SHAPE(struct image_root, fields);

void image_root_done(struct image_root *r)
{
	shape_done(&shape_image_root, r);
}
