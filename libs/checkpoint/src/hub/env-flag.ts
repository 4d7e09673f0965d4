/** What huggingface_hub takes for true in an environment variable (`ENV_VARS_TRUE_VALUES`). */
export function isTrue(value: string | undefined): boolean {
  return ['1', 'ON', 'YES', 'TRUE'].includes(value?.toUpperCase() ?? '');
}
