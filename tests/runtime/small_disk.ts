/** Disks that fill up, where there is root to mount them. */

/** Mounts a disk of that size, such as `64k`, which takes root. Gives whether it is there. */
export async function mounted(folder: string, size: string): Promise<boolean> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  const args = ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder];
  return (await new Deno.Command("mount", { args }).output()).success;
}

/** Takes it away again. */
export async function unmount(folder: string): Promise<void> {
  await new Deno.Command("umount", { args: [folder] }).output();
}
