import js from '@eslint/js';
import rxjsX from 'eslint-plugin-rxjs-x';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  {
    ignores: [
      'dist',
      'coverage',
      'reports',
      '.stryker-tmp',
      'docs/site',
      'docs/examples/angular',
      'docs/examples/**/dist',
    ],
  },
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [...tseslint.configs.strictTypeChecked, rxjsX.configs.strict],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // Callers in JavaScript send what the types forbid: what comes in at the boundary is checked, and shown in messages.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-unnecessary-type-conversion': 'off',
      '@typescript-eslint/no-base-to-string': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      // The suffix is for names that stand beside their values (`task$` and `task`), not for all.
      'rxjs-x/finnish': 'off',
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // A promise that rejects fails the test, which is what is wanted.
      'rxjs-x/no-ignored-default-value': 'off',
    },
  },
  {
    files: ['docs/examples/**/*.{ts,tsx}'],
    rules: {
      // Recipes are read on a page: short forms, and `trackAll` does not error.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      'rxjs-x/no-ignored-error': 'off',
      'rxjs-x/no-ignored-default-value': 'off',
    },
  },
  {
    files: ['**/*.mjs'],
    // TypeScript checks JavaScript too, and knows what the runtime defines.
    rules: { 'no-undef': 'off' },
  },
);
