/* A machine with up to four GPUs as NVML tells of it. What goes wrong is chosen by environment
   variables, read at each call. Structures as in nvml.h, versions 2 and 3. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int chosen(const char *name) {
  const char *value = getenv(name);
  return value == NULL ? 0 : atoi(value);
}

static const char *UUIDS[] = {"GPU-aaaa-0", "GPU-bbbb-1", "GPU-cccc-2", "GPU-dddd-3"};

/* Handles are positions from 1, so that none is NULL. */
static int position(unsigned long long gpu) { return (int)gpu - 1; }

/* The GPU that is lost, and the one that is closed to us; from 1. */
static int fault(unsigned long long gpu) {
  if (position(gpu) + 1 == chosen("STUB_NVML_LOST")) return 15;
  if (position(gpu) + 1 == chosen("STUB_NVML_CLOSED")) return 4;
  return 0;
}

int nvmlInit_v2(void) { return chosen("STUB_NVML_INIT"); }
int nvmlShutdown(void) { return 0; }

const char *nvmlErrorString(int code) {
  switch (code) {
    case 4: return "Insufficient Permissions";
    case 9: return "Driver Not Loaded";
    case 15: return "GPU is lost";
    default: return "Unknown Error";
  }
}

static int copy(char *to, unsigned size, const char *text) {
  if (strlen(text) + 1 > size) return 7;
  strcpy(to, text);
  return 0;
}

int nvmlSystemGetDriverVersion(char *text, unsigned size) { return copy(text, size, "550.54.15"); }

int nvmlSystemGetCudaDriverVersion_v2(int *version) {
  *version = 12040;
  return 0;
}

int nvmlDeviceGetCount_v2(unsigned *count) {
  *count = chosen("STUB_NVML_COUNT");
  return 0;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, unsigned long long *gpu) {
  *gpu = index + 1;
  return fault(*gpu) == 4 ? 4 : 0;
}

int nvmlDeviceGetHandleByUUID(const char *uuid, unsigned long long *gpu) {
  for (int i = 0; i < chosen("STUB_NVML_COUNT"); i++) {
    if (strcmp(uuid, UUIDS[i]) != 0) continue;
    *gpu = i + 1;
    return 0;
  }
  return 6;
}

int nvmlDeviceGetIndex(unsigned long long gpu, unsigned *index) {
  *index = position(gpu);
  return fault(gpu);
}

int nvmlDeviceGetUUID(unsigned long long gpu, char *text, unsigned size) {
  return copy(text, size, UUIDS[position(gpu)]);
}

int nvmlDeviceGetName(unsigned long long gpu, char *text, unsigned size) {
  return copy(text, size, position(gpu) == 0 ? "NVIDIA RTX A5000" : "Tesla T4");
}

int nvmlDeviceGetMemoryInfo(unsigned long long gpu, unsigned long long memory[3]) {
  if (chosen("STUB_NVML_HANG_MS") > 0) usleep(1000 * chosen("STUB_NVML_HANG_MS"));
  unsigned long long used = chosen("STUB_NVML_USED_MB");
  memory[0] = 24564ULL << 20;
  memory[1] = (24564ULL - used) << 20;
  memory[2] = used << 20;
  (void)gpu;
  return 0;
}

int nvmlDeviceGetUtilizationRates(unsigned long long gpu, unsigned rates[2]) {
  if (position(gpu) > 0) return 3;
  rates[0] = 35;
  rates[1] = 7;
  return 0;
}

struct process {
  unsigned pid;
  unsigned long long memory;
  unsigned gpu_instance;
  unsigned compute_instance;
};

int nvmlDeviceGetComputeRunningProcesses_v3(
    unsigned long long gpu, unsigned *count, struct process *processes) {
  unsigned room = *count;
  *count = 0;
  if (position(gpu) > 0) return 0;
  if (room < 2) return 7;
  int one = chosen("STUB_NVML_PID"), other = chosen("STUB_NVML_OTHER_PID");
  if (one > 0) processes[(*count)++].pid = one;
  if (other > 0) processes[(*count)++].pid = other;
  return 0;
}
