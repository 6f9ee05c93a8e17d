import { open, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { expected } from "@lilaw/core";
import { allocateFeatures } from "./allocate.js";
import { type ReadOptions, unreadable } from "./data-file.js";
import { decodeImage, defaultImageBytes, type ImageForm, imageFormOf } from "./image.js";
import { LabelList } from "./labels.js";
import { resize } from "./resize.js";

/** Bytes in which the size of an image nearly always is; otherwise the whole file is read. */
const startBytes = 4096;

/** Files that systems leave in folders; names that begin with a dot are ignored too. */
const strayFiles = new Set(["thumbs.db", "desktop.ini"]);

/** Names of folders that hold splits, not classes. */
const splitFolders = new Set(["train", "training", "val", "valid", "validation", "test", "testing"]);

/** A folder with a subfolder of images for each class. */
export class ImageFolder {
  readonly path: string;
  /** Equal for all paths that lead to the same folder. */
  readonly identity: string;
  /** Paths of the images within the folder, in the order of their names, with `/` between the parts. */
  readonly files: readonly string[];
  /** The class of each image: the subfolder that it is in. */
  readonly labels = new LabelList();
  readonly #options: ReadOptions;

  private constructor(path: string, identity: string, files: readonly string[], options: ReadOptions) {
    this.path = path;
    this.identity = identity;
    this.files = files;
    this.#options = options;
  }

  /**
   * @throws `SOURCE_UNAVAILABLE` for a folder that cannot be read, `INVALID_ARGUMENT` for one that has no subfolders with
   *   images, that holds other files beside the images of a class, or whose subfolders are splits
   */
  static async open(path: string, options: ReadOptions): Promise<ImageFolder> {
    const folder = await ImageFolder.#open(path, imagesIn, options);
    for (const file of folder.files)
      folder.labels.add(file.slice(0, file.indexOf("/")), () => folder.pathOf(file));
    return folder;
  }

  /**
   * All images of a folder, whatever folders in it they are in.
   *
   * @throws `SOURCE_UNAVAILABLE`, `INVALID_ARGUMENT` for a folder without images, or with other files
   */
  static openUnlabelled(path: string, options: ReadOptions): Promise<ImageFolder> {
    return ImageFolder.#open(path, allImagesIn, options);
  }

  static async #open(
    path: string,
    list: (path: string) => Promise<string[]>,
    options: ReadOptions,
  ): Promise<ImageFolder> {
    try {
      const { dev, ino } = await stat(path);
      return new ImageFolder(path, `${dev}:${ino}`, await list(path), options);
    } catch (error) {
      throw unreadable("SOURCE_UNAVAILABLE", path, error as Error);
    }
  }

  /** The full path of an image, for messages too. */
  pathOf(file: string): string {
    return join(this.path, file);
  }

  /**
   * The form of all images: colour where one of them is.
   *
   * @param size height and width that they are resized to
   * @throws `INVALID_ARGUMENT` for images of different sizes that are not to be resized, `CORRUPT_FILE`
   */
  async form(size?: readonly [number, number]): Promise<ImageForm> {
    let common: (ImageForm & { file: string }) | undefined;
    for (const file of this.files) {
      this.#options.signal?.throwIfAborted();
      const path = this.pathOf(file);
      const form = await formOf(path);
      common ??= { ...form, file };
      if (form.channels > common.channels) common.channels = form.channels;
      if (size || (form.height === common.height && form.width === common.width)) continue;
      const like = `${sizeText(common)} like ${this.pathOf(common.file)} (option imageSize resizes all)`;
      throw expected("INVALID_ARGUMENT", `an image of ${like}`, path, sizeText(form));
    }
    const { file: _, ...form } = common!;
    return size ? { ...form, height: size[0], width: size[1] } : form;
  }

  /**
   * Decodes the images of the given rows into `[rows, height, width, channels]`.
   *
   * @throws `CORRUPT_FILE`, `INVALID_ARGUMENT` for an image of another form or more pixels than `maxBytes` allows,
   *   `OUT_OF_MEMORY`
   */
  async features(
    rows: Int32Array,
    { height, width, channels }: ImageForm,
    resizes: boolean,
  ): Promise<Float32Array<ArrayBuffer>> {
    const size = height * width * channels;
    const features = allocateFeatures(this.path, rows.length, size);
    const { onProgress, maxBytes = defaultImageBytes, signal } = this.#options;
    for (const [i, row] of rows.entries()) {
      signal?.throwIfAborted();
      const path = this.pathOf(this.files[row]!);
      const image = await decodeImage(path, await readAll(path), maxBytes);
      if (!resizes && (image.height !== height || image.width !== width)) {
        throw expected("INVALID_ARGUMENT", `an image of ${height} x ${width} pixels`, path, sizeText(image));
      }
      if (image.channels > channels) {
        throw expected("INVALID_ARGUMENT", "a grey image, as all in training are,", path, "colours");
      }
      const { values } = resize(image, height, width);
      if (image.channels === channels) features.set(values, i * size);
      // A grey image among colours.
      else for (let j = 0; j < size; j++) features[i * size + j] = values[Math.floor(j / channels)]!;
      onProgress?.({ file: this.path, received: i + 1, total: rows.length });
    }
    return features;
  }
}

/** @throws `SOURCE_UNAVAILABLE` */
export async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch((error) =>
    Promise.reject(unreadable("SOURCE_UNAVAILABLE", path, error)),
  );
  return found.isDirectory();
}

async function imagesIn(path: string): Promise<string[]> {
  const folders = await foldersIn(path);
  if (folders.length > 0 && folders.every((name) => splitFolders.has(name.toLowerCase()))) {
    const expectation = `a folder of one split, such as ${join(path, folders[0]!)}`;
    throw expected("INVALID_ARGUMENT", expectation, path, folders.join(", "));
  }
  const files: string[] = [];
  for (const folder of folders) await addImages(path, folder, files);
  if (files.length === 0) {
    throw expected("INVALID_ARGUMENT", "a subfolder of PNG or JPEG images for each class", path, "none");
  }
  return files.sort();
}

async function allImagesIn(path: string): Promise<string[]> {
  const files: string[] = [];
  await addImages(path, "", files);
  if (files.length === 0) throw expected("INVALID_ARGUMENT", "PNG or JPEG images", path, "none");
  return files.sort();
}

async function foldersIn(path: string): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (isStray(entry.name)) continue;
    if (entry.isDirectory() || (entry.isSymbolicLink() && (await isFolder(join(path, entry.name))))) {
      names.push(entry.name);
    } else if (/\.(png|jpe?g)$/i.test(entry.name)) {
      const expectation = "images in subfolders that are named after the classes";
      throw expected("INVALID_ARGUMENT", expectation, path, entry.name);
    }
  }
  return names.sort();
}

async function addImages(root: string, folder: string, files: string[]): Promise<void> {
  for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
    if (isStray(entry.name)) continue;
    const name = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) await addImages(root, name, files);
    else if (/\.(png|jpe?g)$/i.test(entry.name)) files.push(name);
    else {
      const expectation = "PNG and JPEG images alone among the images of a folder";
      throw expected("INVALID_ARGUMENT", expectation, join(root, folder), entry.name);
    }
  }
}

function isStray(name: string): boolean {
  return name.startsWith(".") || strayFiles.has(name.toLowerCase());
}

async function formOf(path: string): Promise<ImageForm> {
  const form = await imageFormOf(path, await readStart(path));
  if (form) return form;
  const whole = await imageFormOf(path, await readAll(path));
  if (whole) return whole;
  throw expected("CORRUPT_FILE", "a whole image", path, "one that ends early");
}

async function readStart(path: string): Promise<Buffer> {
  try {
    await using handle = await open(path);
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(startBytes), 0, startBytes, 0);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    throw unreadable("SOURCE_UNAVAILABLE", path, error as Error);
  }
}

function readAll(path: string): Promise<Buffer> {
  return readFile(path).catch((error) => Promise.reject(unreadable("SOURCE_UNAVAILABLE", path, error)));
}

/** The shape of samples. */
export function shapeOf({ height, width, channels }: ImageForm): number[] {
  return [height, width, channels];
}

function sizeText({ height, width }: ImageForm): string {
  return `${height} x ${width} pixels`;
}
