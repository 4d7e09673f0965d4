import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

/** Each layer imports only itself and the layers below it. */
const LAYERS = ['foundation', 'runtime', 'models', 'engine', 'app'];

const layerConstraints = LAYERS.map((layer, level) => ({
  sourceTag: `layer:${layer}`,
  onlyDependOnLibsWithTags: LAYERS.slice(0, level + 1)
    .filter((name) => name !== 'app' || layer === 'app')
    .map((name) => `layer:${name}`),
}));

export default tseslint.config(
  { ignores: ['**/dist', '**/gen', '**/node_modules', 'models', 'tests/golden/**/*.json'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { project: './tsconfig.json', tsconfigRootDir: import.meta.dirname },
    },
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          allow: [],
          banTransitiveDependencies: true,
          depConstraints: [
            ...layerConstraints,
            { sourceTag: 'layer:testing', onlyDependOnLibsWithTags: ['*'] },
          ],
        },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' },
      ],
    },
  },
  {
    files: ['**/*.spec.ts', 'tests/**/*.ts', 'libs/testing/**/*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': [
        'error',
        {
          allowForKnownSafeCalls: [
            { from: 'package', name: ['test', 'describe', 'it', 'suite'], package: 'node:test' },
          ],
        },
      ],
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['**/*.js'],
    ...tseslint.configs.disableTypeChecked,
    rules: { ...tseslint.configs.disableTypeChecked.rules, 'no-restricted-syntax': 'off' },
  },
);
