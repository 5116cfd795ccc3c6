//! Against a library with NVML's entry points, built here, that says what two files tell it to: no machine
//! that tests needs a GPU. What a GPU really says is NVIDIA's to keep.

use super::*;
use crate::source::host::sysfs::made::Tree;
use std::process::Command;

const LIBRARY: &str = r#"
#include <stdio.h>
#include <string.h>
/* Each file holds one number: a return code, or millijoules. */
static long long told(const char *what, long long otherwise) {
    char path[4096];
    long long number = otherwise;
    snprintf(path, sizeof path, "%s/%s", FOLDER, what);
    FILE *file = fopen(path, "r");
    if (file) { if (fscanf(file, "%lld", &number) != 1) number = otherwise; fclose(file); }
    return number;
}
int nvmlInit_v2(void) { return (int)told("init", 0); }
int nvmlShutdown(void) { return 0; }
int nvmlSystemGetDriverVersion(char *text, unsigned length) { strncpy(text, "550.54.15", length); return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = (unsigned)told("count", 2); return (int)told("alive", 0); }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) {
    static char gpus[64];
    *device = &gpus[index];
    return 0;
}
int nvmlDeviceGetUUID(void *device, char *text, unsigned length) {
    snprintf(text, length, "GPU-%lld", told("uuid", 1));
    return 0;
}
int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *mj) {
    *mj = (unsigned long long)told("energy", 123456789);
    return (int)told("has_energy", 0);
}
int nvmlDeviceGetPowerUsage(void *device, unsigned *mw) { *mw = 71500; return 0; }
int nvmlDeviceGetTemperature(void *device, int sensor, unsigned *degrees) { *degrees = 41; return 0; }
struct rates { unsigned gpu, memory; };
int nvmlDeviceGetUtilizationRates(void *device, struct rates *rates) {
    rates->gpu = 97;
    rates->memory = 12;
    return 0;
}
"#;

/// Source: the return codes of NVML's manual.
const DRIVER_NOT_LOADED: &str = "9";
const NOT_SUPPORTED: &str = "3";
const UNINITIALIZED: &str = "1";

fn build(tree: &Tree) -> PathBuf {
    tree.put("nvml.c", LIBRARY);
    let library = tree.path("libnvidia-ml.so.1");
    let folder = format!("-DFOLDER=\"{}\"", tree.path("gpu").display());
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", &folder, "-o"]).arg(&library).arg(tree.path("nvml.c"));
    let output = compiler.output().expect("a C compiler, which the build needs as well");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}

fn shown(look: &Look) -> Vec<String> {
    look.sensed.iter().map(|sensed| format!("{} {} {}", sensed.zone, sensed.value, sensed.unit)).collect()
}

#[test]
fn a_machine_without_a_driver_says_so_and_finds_one_that_comes() {
    let tree = Tree::new();
    let library = tree.path("libnvidia-ml.so.1");
    let mut nvidia = Nvidia::new(tree.roots(), Some(library));
    let look = nvidia.look();
    assert!(look.sensed.is_empty() && look.reads.is_empty());
    assert!(look.troubles[0].says.contains("no NVIDIA driver here"), "{:?}", look.troubles);
    tree.put("gpu/init", DRIVER_NOT_LOADED);
    build(&tree);
    nvidia.search.soon();
    assert!(nvidia.look().troubles[0].says.contains("installed and not loaded"));
    tree.put("sys/module/nvidia/version", "550.54.15");
    nvidia.search.soon();
    assert!(nvidia.look().troubles[0].says.contains("PrivateDevices=no"), "it is loaded, and hidden from us");
    tree.put("gpu/init", "0");
    assert!(nvidia.look().sensed.is_empty(), "not looked for at each turn");
    nvidia.search.soon();
    let look = nvidia.look();
    let expected = [
        "gpu0-energy 123456.789 J",
        "gpu0-power 71500 mW",
        "gpu0-utilisation 97 %",
        "gpu0-temperature 41 Cel",
    ];
    assert_eq!((shown(&look)[..4].to_vec(), look.sensed.len()), (expected.map(str::to_owned).to_vec(), 8));
    assert!(look.troubles.is_empty(), "{:?}", look.troubles);
}

#[test]
fn another_load_of_the_driver_is_another_epoch_and_another_gpu_another_device() {
    let tree = Tree::new();
    let mut nvidia = Nvidia::new(tree.roots(), Some(build(&tree)));
    tree.put("sys/module/nvidia/version", "550.54.15");
    let evidence = |look: Look| look.sensed[0].evidence.expect("a UUID and a boot");
    let first = evidence(nvidia.look());
    assert_eq!(evidence(nvidia.look()), first);
    // The module's folder is made anew; that of before stays, so that its inode is not given away again.
    std::fs::rename(tree.path("sys/module/nvidia"), tree.path("sys/module/before")).expect("there");
    tree.put("sys/module/nvidia/version", "550.54.15");
    let loaded_again = evidence(nvidia.look());
    assert!(loaded_again.is_restarted(&first) && !loaded_again.is_other_device(&first));
    tree.put("gpu/uuid", "2");
    assert!(evidence(nvidia.look()).is_other_device(&loaded_again));
}

#[test]
fn what_a_gpu_does_not_tell_is_said_and_the_rest_is_read() {
    let tree = Tree::new();
    tree.put("gpu/has_energy", NOT_SUPPORTED);
    tree.put("gpu/count", "1");
    let look = Nvidia::new(tree.roots(), Some(build(&tree))).look();
    assert_eq!(look.sensed.len(), 3);
    assert_eq!(look.troubles, [Trouble::new("gpu0-energy", "this GPU does not tell it")]);
    tree.put("gpu/has_energy", "0");
    tree.put("gpu/energy", "-1");
    let look = Nvidia::new(tree.roots(), Some(tree.path("libnvidia-ml.so.1"))).look();
    assert_eq!((look.sensed.len(), look.troubles[0].what.as_str()), (3, "gpu0-energy"));
    tree.put("gpu/count", "0");
    let look = Nvidia::new(tree.roots(), Some(tree.path("libnvidia-ml.so.1"))).look();
    assert_eq!(look.troubles, [Trouble::new("", "the driver has no GPU")]);
}

#[test]
fn a_driver_that_goes_is_let_go_and_found_again() {
    let tree = Tree::new();
    let mut nvidia = Nvidia::new(tree.roots(), Some(build(&tree)));
    assert_eq!(nvidia.look().sensed.len(), 8);
    tree.put("gpu/alive", UNINITIALIZED);
    let look = nvidia.look();
    assert!(look.sensed.is_empty() && look.reads.is_empty() && look.troubles.len() == 1, "{look:?}");
    assert!(nvidia.nvml.is_none(), "open, it would keep the driver from being loaded anew");
    tree.put("gpu/alive", "0");
    nvidia.search.soon();
    let look = nvidia.look();
    assert_eq!((look.sensed.len(), look.troubles.len()), (8, 0));
}
