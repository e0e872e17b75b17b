/* A plugin of QEMU (TCG plugin API, version 1 and later): counts guest instructions, and writes how many at the end.
 *
 *   cc -O2 -shared -fPIC -o count.so scripts/count_instructions.c
 *   qemu-system-arm … -plugin ./count.so,out=FILE
 *
 * The declarations are those of qemu-plugin.h that it needs, so that no header of QEMU has to be installed. */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct qemu_plugin_tb;
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*call)(uint64_t id, struct qemu_plugin_tb *block));
/* Operation 0 adds a number to a counter whenever the block is executed. */
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int operation, void *counter, uint64_t number);
void qemu_plugin_register_atexit_cb(uint64_t id, void (*call)(uint64_t id, void *data), void *data);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

static uint64_t executed;
static char path[4096];

static void translated(uint64_t id, struct qemu_plugin_tb *block) {
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(block, 0, &executed, qemu_plugin_tb_n_insns(block));
}

static void ended(uint64_t id, void *data) {
    (void)id, (void)data;
    FILE *file = fopen(path, "w");
    if (file) {
        fprintf(file, "%" PRIu64 "\n", executed);
        fclose(file);
    }
}

__attribute__((visibility("default"))) int qemu_plugin_install(uint64_t id, const void *info, int count, char **options) {
    (void)info;
    for (int i = 0; i < count; i++)
        if (!strncmp(options[i], "out=", 4)) snprintf(path, sizeof path, "%s", options[i] + 4);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return path[0] ? 0 : 1;
}
